"""The podman engine: a pod's sandbox and containers as podman command lines (podman 4.3 and later).

In: the model. Out: argv, as words for `unitfile` to quote. Knows podman-run(1), not the unit graph around it.

Each container joins the namespaces of a pause container, the sandbox, to which podman gives an address, the published
ports (reserved, so that a port in use fails the start), /etc/hosts and /etc/resolv.conf. `--cgroups=split` keeps
monitor and payload below the unit that runs podman; `--sdnotify=conmon` makes the monitor that unit's main process.
"""

from __future__ import annotations

import json
import re

from podunit.model import Container, EmptyDir, Mount, Pod, Port, Protocol
from podunit.scope import Scope
from podunit.unitfile import Specifier, Word

PODMAN = "/usr/bin/podman"

# Where containers-common expects the init of `podman run --init`; also podman's own pause program.
CATATONIT = "/usr/libexec/podman/catatonit"

_PLAIN_PROGRAM = re.compile(r"[A-Za-z0-9_./+-]+")

# sethostname(2) takes 64 bytes, but a DNS label ends at 63: the kubelet cuts there too.
_HOST_NAME_MAX = 63


def sandbox_name(pod: Pod) -> str:
    """podman's name of the sandbox; an underscore is in no pod's name, so it is never a container's name too."""
    return f"{pod.name}_sandbox"


def container_name(pod: Pod, container: Container) -> str:
    """podman's name of a container; a container's name has no dot, so the last one separates."""
    return f"{pod.name}.{container.name}"


def runtime_directory(pod: Pod) -> str:
    """The sandbox's root file system, below the runtime directory of the manager."""
    return f"podunit/{pod.name}"


def volumes_directory(pod: Pod) -> str:
    """The parent of the pod's emptyDir volumes, below the state directory of the manager."""
    return f"podunit/volumes/{pod.name}"


def run_sandbox(pod: Pod) -> tuple[Word, ...]:
    """Start the pause container and return once it holds the pod's namespaces."""
    published = [port for container in (*pod.init_containers, *pod.containers) for port in container.ports]
    return (
        PODMAN,
        "run",
        f"--name={sandbox_name(pod)}",
        "--replace",
        "--rm",
        "--cgroups=split",
        "--sdnotify=conmon",
        "--detach",
        "--log-driver=none",
        f"--hostname={pod.name[:_HOST_NAME_MAX].rstrip('-.')}",
        "--ipc=shareable",
        *(f"--publish={_publication(port)}" for port in published if port.host_port is not None),
        f"--volume={CATATONIT}:/catatonit:ro",
        "--rootfs",
        (Specifier.RUNTIME_DIR, "/" + runtime_directory(pod)),
        "/catatonit",
        "-P",
    )


def remove_sandbox(pod: Pod) -> tuple[Word, ...]:
    """Remove what is left of the sandbox, and containers that still refer to it: podman keeps it for them otherwise."""
    return (PODMAN, "rm", "--force", "--ignore", "--depend", sandbox_name(pod))


def remove_volumes(pod: Pod, scope: Scope) -> tuple[Word, ...]:
    """Remove the pod's emptyDir volumes with all that is in them."""
    # Without root, files of a container's users belong to subordinate IDs, which only podman's namespace may remove.
    prefix = () if scope is Scope.SYSTEM else (PODMAN, "unshare")
    return (*prefix, "/usr/bin/rm", "-rf", (Specifier.STATE_DIR, "/" + volumes_directory(pod)))


def run_container(pod: Pod, container: Container) -> tuple[Word, ...]:
    """Start a container and return once its process runs; the monitor stays."""
    return (
        *_run(pod, container),
        "--sdnotify=conmon",
        "--detach",
        "--log-driver=journald",
        f"--stop-timeout={pod.grace_sec}",
        *_payload(pod, container),
    )


def run_init_container(pod: Pod, container: Container) -> tuple[Word, ...]:
    """Run a container to its end, in the foreground, and exit with its status."""
    # passthrough hands the unit's own output to the container: an attached run would log every line twice.
    return (
        *_run(pod, container),
        "--sdnotify=ignore",
        "--log-driver=passthrough",
        f"--stop-timeout={pod.grace_sec}",
        *_payload(pod, container),
    )


def stop_container(pod: Pod, container: Container) -> tuple[Word, ...]:
    """Send the stop signal, wait for the grace period, then kill."""
    return (PODMAN, "stop", "--ignore", container_name(pod, container))


def remove_container(pod: Pod, container: Container) -> tuple[Word, ...]:
    """Remove what a killed monitor left behind; nothing if the container removed itself."""
    return (PODMAN, "rm", "--force", "--ignore", "--time=0", container_name(pod, container))


def _run(pod: Pod, container: Container) -> tuple[Word, ...]:
    sandbox = f"container:{sandbox_name(pod)}"
    return (
        PODMAN,
        "run",
        f"--name={container_name(pod, container)}",
        "--replace",
        "--rm",
        "--cgroups=split",
        f"--network={sandbox}",
        f"--ipc={sandbox}",
        f"--uts={sandbox}",
        "--pull=never",
    )


def _payload(pod: Pod, container: Container) -> tuple[Word, ...]:
    words: list[Word] = [f"--label={key}={value}" for key, value in pod.labels]
    words += [f"--env={env.name}={env.value}" for env in container.env]
    if container.working_dir is not None:
        words.append(f"--workdir={container.working_dir}")
    words += [_mount(pod, mount) for mount in container.mounts]
    arguments = container.args or ()
    if container.command:
        words.append(f"--entrypoint={_entrypoint(container.command[0])}")
        arguments = container.command[1:] + arguments
    return (*words, container.image, *arguments)


def _entrypoint(program: str) -> str:
    # podman takes a value that is JSON for an array as one, and an empty value for none: spell those as an array.
    return program if _PLAIN_PROGRAM.fullmatch(program) and program != "null" else json.dumps([program])


def _mount(pod: Pod, mount: Mount) -> Word:
    source: tuple[str | Specifier, ...]
    if isinstance(mount.volume, EmptyDir):
        source = ("src=", Specifier.STATE_DIR, f"/{volumes_directory(pod)}/{mount.volume.name}")
    else:
        source = (_csv(f"src={mount.volume.path}"),)
    target = _csv(f"dst={mount.mount_path}")
    return ("--mount=type=bind,", *source, f",{target}", ",ro=true" if mount.read_only else "")


def _csv(field: str) -> str:
    # The value of --mount is one line of CSV: a field with a comma or a quote is quoted as a whole.
    return '"' + field.replace('"', '""') + '"' if any(char in field for char in '",\n\r') else field


def _publication(port: Port) -> str:
    host = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    suffix = "" if port.protocol is Protocol.TCP else f"/{port.protocol.lower()}"
    return f"{host + ':' if host else ''}{port.host_port}:{port.container_port}{suffix}"
