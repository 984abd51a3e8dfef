"""The crun engine: a container's process without podman, from a bundle that is made when its pod is applied.

In: the model, and the configuration that podman itself would run the container with. Out: the one that crun runs it
with (config.json of the OCI runtime specification), and words for `unitfile` to quote. Network, names and shared memory
are the sandbox's, as with podman; where they are is known when the container starts, and marks stand for it until then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from podunit.engines.memory import list_memory_volumes
from podunit.engines.netavark import can_be_held_by_files
from podunit.engines.podman import FACTS, name_variable
from podunit.engines.programs import CATATONIT, container_name, runtime_directory, sandbox_directory
from podunit.engines.resolution import RESOLVER, find_resolver
from podunit.engines.rights import list_rights
from podunit.engines.secrets import is_apart
from podunit.engines.terminations import locate_message
from podunit.engines.volumes import files_directory, mount_source
from podunit.inside import CRUN, bundle_path
from podunit.model import Claim, Container, Files, ImageVolume, Mount, MountPropagation, Pod, Processes, Text
from podunit.probes import Exec
from podunit.record import record
from podunit.scope import Scope
from podunit.unitfile import Specifier, Variable, Word

# The directories of the system's manager, where the words of a command line do not pass systemd.
_DIRECTORIES: Mapping[Specifier, str] = {
    Specifier.CONFIG_DIR: "/etc",
    Specifier.RUNTIME_DIR: "/run",
    Specifier.STATE_DIR: "/var/lib",
}

# Files that podman makes for each container and that a pod shares; of others that it makes each has its own.
_SHARED = ("/etc/hosts", "/etc/hostname", RESOLVER, "/dev/shm")

# In a bundle, what starts its container.
START_FILE = "start"

# What the model of a container would run: a program that is there, as the container's own may be in a volume.
_PROGRAM = "/podunit-model"

_REMOVE = (
    f'[ ! -e "/run/crun/$1" ] || {CRUN} --cgroup-manager=disabled delete --force "$1"; rm -rf "$2/upper" "$2/work"'
)

_PROPAGATIONS = {
    MountPropagation.NONE: "rprivate",
    MountPropagation.HOST_TO_CONTAINER: "rslave",
}


@record
class ImageConfig:
    """What an image says of its containers.

    `volumes` are paths for which podman makes volumes without a name: here they are part of the root file system, which
    is made anew at each start as well.
    """

    entrypoint: tuple[str, ...]
    arguments: tuple[str, ...]
    volumes: tuple[str, ...]


class Marks:
    """What stands in a bundle for what is known when the container starts: no text of a user's, but by intent."""

    def __init__(self, pod: Pod, container: Container) -> None:
        key = hashlib.sha256(container_name(pod, container).encode()).hexdigest()[:12]
        self._key = key
        self.sandbox, self.process, self.profile = (self._make(name) for name in ("sandbox", "process", "profile"))
        self.facts: Mapping[Specifier | Variable, str] = {
            Specifier.HOST_NAME: self._make("node"),
            Variable.POD_IP: self._make("pod-ip"),
            Variable.HOST_IP: self._make("host-ip"),
        }

    def list_numbers(self, index: int) -> dict[str, str]:
        """What stands for what is known of a device, by its index, as an OCI runtime specification has it."""
        names = {"major": "major", "minor": "minor", "fileMode": "mode", "uid": "user", "gid": "group"}
        return {name: self._make(f"{own}-{index}") for name, own in names.items()}

    def _make(self, name: str) -> str:
        return f"@{self._key}-{name}@"

    def find_namespace(self, pod: Pod, kind: str) -> str:
        """The file of one of the sandbox's namespaces, by its name in /proc."""
        if can_be_held_by_files(pod):
            return f"{self.resolve(sandbox_directory(pod))}/{kind}"
        return f"/proc/{self.process}/ns/{kind}"

    def find_file(self, pod: Pod, source: str, identity: str) -> str:
        """What stands for a file that podman has made for the container with this ID, if it is the sandbox's."""
        if identity in source and can_be_held_by_files(pod):
            return f"{self.resolve(sandbox_directory(pod))}/{source.rpartition('/')[2]}"
        return source.replace(identity, self.sandbox)

    def resolve(self, word: Word) -> str:
        """A word of podman's command line without systemd."""
        pieces = (word,) if isinstance(word, str) else word
        return "".join(self._replace(piece) for piece in pieces)

    def resolve_text(self, text: Text) -> str:
        """Text of the model, with what only a running pod knows."""
        pieces = (text,) if isinstance(text, str) else text
        return "".join(self._replace(FACTS.get(piece, piece)) for piece in pieces)

    def _replace(self, piece: str | Specifier | Variable) -> str:
        if isinstance(piece, Variable) or piece is Specifier.HOST_NAME:
            return self.facts[piece]
        return _DIRECTORIES[piece] if isinstance(piece, Specifier) else piece


def bundle_name(pod: Pod, container: Container) -> str:
    """The bundle that crun is given, below the runtime directory of the manager, and podman's name while it is made."""
    # As with the sandbox: an underscore is in no name of a pod or container.
    return f"{container_name(pod, container)}_bundle"


def root_directory(pod: Pod, container: Container) -> str:
    """What the container writes to its root file system, below the state directory of the manager."""
    return f"podunit/roots/{container_name(pod, container)}"


def start_file(pod: Pod, container: Container, scope: Scope) -> tuple[str | Specifier, ...]:
    """The script in the bundle that starts the container; the unit's shell reads it, and what it needs is beside it."""
    return (*files_directory(pod, scope), f"/bundle/{container.name}/{START_FILE}")


def remove_container(pod: Pod, container: Container) -> tuple[Word, ...]:
    """Remove what is left of a container that has ended."""
    root = (Specifier.STATE_DIR, f"/{root_directory(pod, container)}")
    return ("/bin/sh", "-c", _REMOVE, "remove", container_name(pod, container), root)


def make_model(pod: Pod, container: Container) -> tuple[str, ...]:
    """Words for `podman create`: a container whose configuration is that of this one, but for what is added to it.

    That are volumes, secrets, and what depends on volumes: the command and its working directory.
    """
    marks = Marks(pod, container)
    words: list[Word] = [
        f"--name={bundle_name(pod, container)}",
        "--replace",
        "--pull=never",
        f"--network={'host' if pod.host_network else 'none'}",
        "--ipc=shareable",
    ]
    if pod.host_network:
        words += ["--uts=host", f"--env=HOSTNAME={marks.facts[Specifier.HOST_NAME]}"]
    else:
        words.append(f"--hostname={pod.hostname}")
    words += [name_variable(env) for env in container.env if not is_apart(env)]
    if container.stop_signal:
        words.append(f"--stop-signal={container.stop_signal}")
    words += list_rights(container.security)
    words += [f"--volume={CATATONIT}:{_PROGRAM}:ro", f"--entrypoint={_PROGRAM}", container.image]
    return tuple(marks.resolve(word) for word in words)


def find_command(container: Container, entrypoint: Iterable[str], arguments: Iterable[str], marks: Marks) -> list[str]:
    """What the container runs, with what its image has instead of what the pod does not say."""
    command = container.command if container.command is not None else tuple(entrypoint)
    # As on Kubernetes: arguments of the image are for its own entry point.
    rest = container.args if container.args is not None else () if container.command else tuple(arguments)
    return [marks.resolve_text(text) for text in (*command, *rest)]


def list_own_files(captured: Mapping[str, Any], identity: str) -> dict[str, str]:
    """The files that podman has made for the container itself, by the names that they have in the bundle."""
    found = {}
    for mount in captured["mounts"]:
        source, destination = str(mount["source"]), str(mount["destination"])
        if identity in source and destination not in _SHARED:
            found[destination.rpartition("/")[2].lstrip(".")] = source
    return found


def is_confined(captured: Mapping[str, Any]) -> bool:
    """Whether the container has podman's own profile of AppArmor, whose name is another with each version of podman."""
    return str(captured["process"].get("apparmorProfile", "")).startswith("containers-default-")


def compile_config(
    captured: Mapping[str, Any],
    identity: str,
    image: ImageConfig,
    volumes: str,
    images: Mapping[str, str],
    pod: Pod,
    container: Container,
) -> dict[str, Any]:
    """What is in config.json; `captured` is podman's, of the container with this ID; its volumes are in `volumes`.

    `images` are the directories with the files of images, by how the pod names them.
    """
    marks = Marks(pod, container)
    directory = bundle_path(container_name(pod, container))
    config = dict(captured)
    process = dict(captured["process"])
    # What systemd does: OOMScoreAdjust=, and all limits of resource control.
    process.pop("oomScoreAdj", None)
    if is_confined(captured):
        process["apparmorProfile"] = marks.profile
    process["args"] = find_command(container, image.entrypoint, image.arguments, marks)
    if container.working_dir is not None:
        process["cwd"] = container.working_dir
    process["env"] = [*process["env"], *(f"{env.name}={env.value}" for env in container.env if is_apart(env))]
    config["process"] = process
    config["root"] = {**captured["root"], "path": f"{directory}/rootfs"}
    kept = _keep_mounts(captured, identity, image.volumes, pod, container)
    config["mounts"] = _order((*kept, *mount_volumes(pod, container, volumes, images), *_bind_message(pod, container)))
    # The sandbox's.
    config.pop("hostname", None)
    config.pop("annotations", None)
    config.pop("hooks", None)
    dropped = ("resources", "cgroupsPath", "sysctl")
    linux = {key: value for key, value in captured["linux"].items() if key not in dropped}
    files = {"network": "net", "ipc": "ipc", "uts": "uts"}
    if pod.processes is Processes.POD:
        files["pid"] = "pid"
    linux["namespaces"] = [
        {"type": kind, "path": marks.find_namespace(pod, files[kind])} if (kind := one["type"]) in files else one
        for one in captured["linux"]["namespaces"]
    ]
    if any(mount.propagation is MountPropagation.HOST_TO_CONTAINER for mount in container.mounts):
        # As podman does: below a private root nothing comes in that is mounted later.
        linux["rootfsPropagation"] = "rslave"
    if container.devices:
        own = [
            {"type": "b", "path": device.device_path, **marks.list_numbers(index)}
            for index, device in enumerate(container.devices)
        ]
        linux["devices"] = [*linux.get("devices", ()), *own]
    config["linux"] = linux
    return config


def list_processes(config: Mapping[str, Any], container: Container) -> dict[str, dict[str, Any]]:
    """What runs in the container with this configuration when one of its hooks is a command, by the hook's name."""
    hooks = {"postStart": container.post_start, "preStop": container.pre_stop}
    commands = {name: list(hook.command) for name, hook in hooks.items() if isinstance(hook, Exec)}
    return {name: {**config["process"], "args": command} for name, command in commands.items()}


def spell(value: Mapping[str, Any]) -> bytes:
    """The text of a file of the bundle: the same for the same."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def _keep_mounts(
    captured: Mapping[str, Any], identity: str, volumes: tuple[str, ...], pod: Pod, container: Container
) -> Iterator[dict[str, Any]]:
    """podman's own mounts, but for those in whose place the container has one of its volumes."""
    marks = Marks(pod, container)
    own = list_own_files(captured, identity)
    taken = {mount.mount_path.rstrip("/") or "/" for mount in container.mounts}
    hosts: dict[str, Any] = {}
    for mount in captured["mounts"]:
        destination = mount["destination"]
        hosts = mount if destination == "/etc/hosts" else hosts
        if destination in taken or destination in volumes or destination in (_PROGRAM, RESOLVER):
            continue
        source = str(mount["source"])
        name = next((name for name, file in own.items() if file == source), None)
        if name is not None:
            source = f"{bundle_path(container_name(pod, container))}/{name}"
        yield {**mount, "source": marks.find_file(pod, source, identity)}
    # podman gives none to a container without a network, which the one that was captured may be.
    if pod.network and hosts and RESOLVER not in taken:
        source = marks.find_file(pod, str(hosts["source"]), identity).replace("/hosts", "/resolv.conf")
        if resolver := find_resolver(pod, runtime_directory(pod)):
            source = marks.resolve(resolver)
        yield {**hosts, "destination": RESOLVER, "source": source}


def list_container_claims(container: Container) -> tuple[Claim, ...]:
    """The volumes of the container that podman keeps; the sandbox has mounted them, and so they are there."""
    return tuple(dict.fromkeys(mount.volume for mount in container.mounts if isinstance(mount.volume, Claim)))


def own_claims(captured: Mapping[str, Any], volumes: str, container: Container) -> tuple[tuple[str, str], ...]:
    """Who is to own which of podman's volumes while it is empty: as with podman it is its first user's."""
    user = captured["process"]["user"]
    owner = f"{user['uid']}:{user['gid']}"
    return tuple((owner, _locate(claim, volumes)) for claim in list_container_claims(container))


def mount_volumes(pod: Pod, container: Container, volumes: str, images: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The mounts of the container's volumes; `volumes` is where podman keeps its own, `images` are as above."""
    marks = Marks(pod, container)
    for mount in container.mounts:
        if isinstance(mount.volume, ImageVolume):
            # As podman's: read-only for want of an upper directory, and for that two have to be below.
            below = f"{images[mount.volume.image]}:{bundle_path(container_name(pod, container))}/lower"
            options = [f"lowerdir={below}", "private"]
            yield {"destination": mount.mount_path, "type": "overlay", "source": "overlay", "options": options}
            continue
        if isinstance(mount.volume, Claim):
            source = _locate(mount.volume, volumes)
        else:
            place = mount_source(pod, mount, Scope.SYSTEM)
            assert place is not None, "podman keeps claims alone for the system's pods"
            source = marks.resolve(place)
        yield {"destination": mount.mount_path, "type": "bind", "source": source, "options": _list_options(pod, mount)}


def _locate(claim: Claim, volumes: str) -> str:
    return f"{volumes}/{claim.claim}/_data"


def _bind_message(pod: Pod, container: Container) -> Iterator[dict[str, Any]]:
    if container.message is not None:
        marks = Marks(pod, container)
        source = marks.resolve(locate_message(pod, container, Scope.SYSTEM))
        options = ["rbind", "rw", "rprivate"]
        yield {"destination": container.message.path, "type": "bind", "source": source, "options": options}


def _list_options(pod: Pod, mount: Mount) -> list[str]:
    read_only = mount.read_only or getattr(mount.volume, "read_only", False)
    options = ["rbind", "ro" if read_only else "rw", _PROPAGATIONS[mount.propagation]]
    options += ["rro"] if mount.recursive else []
    # As podman has its own volumes, and as those in memory are mounted.
    if isinstance(mount.volume, Claim) or mount.volume in list_memory_volumes(pod):
        return [*options, "nosuid", "nodev"]
    # Of /run, where these files are, a bind mount would take over noexec.
    return [*options, "exec"] if isinstance(mount.volume, Files) else options


def _order(mounts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    # As podman does: what is above comes first.
    return sorted(mounts, key=lambda mount: len(str(mount["destination"]).rstrip("/").split("/")))
