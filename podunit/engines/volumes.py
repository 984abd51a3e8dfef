"""Volumes with podman: how they are made, mounted and removed.

In: the model. Out: argv, as words for `unitfile` to quote, for the sandbox and the containers.
"""

from __future__ import annotations

from collections.abc import Iterable

from podunit.engines.memory import locate_memory, name_memory
from podunit.engines.nfs import mount_point
from podunit.engines.programs import PODMAN
from podunit.engines.users import map_users
from podunit.model import (
    Claim,
    Device,
    EmptyDir,
    Files,
    HostPath,
    ImageVolume,
    Medium,
    Mount,
    MountPropagation,
    NetworkDirectory,
    Pod,
    Relabel,
    Volume,
)
from podunit.scope import Scope
from podunit.unitfile import Specifier, Word

# All from one folder, though another one may take its place meanwhile.
_MAKE_FILES = (
    'cd "$1" || exit; to=$2; shift 2; while [ $# -gt 0 ]; do install -D -m "$1" "$2" "$to/$2" || exit; shift 2; done'
)

# By default mount(2)'s rprivate.
_PROPAGATIONS = {
    MountPropagation.NONE: "",
    MountPropagation.HOST_TO_CONTAINER: ",bind-propagation=rslave",
    MountPropagation.BIDIRECTIONAL: ",bind-propagation=rshared",
}


def volumes_directory(pod: Pod) -> str:
    """The parent of the pod's emptyDir volumes, below the state directory of the manager."""
    return f"podunit/volumes/{pod.name}"


def make_volumes(pod: Pod, volumes: Iterable[EmptyDir], scope: Scope) -> tuple[Word, ...]:
    """Make directories that every user in a container may write, below one that only the owner may enter.

    What is made in those with a group of their own has that group too.
    """
    directories = ((Specifier.STATE_DIR, f"/{volumes_directory(pod)}/{volume.name}") for volume in volumes)
    if pod.fs_group is None:
        return ("/usr/bin/mkdir", "-p", "-m", "0777", *directories)
    return (*as_root(scope), "/usr/bin/install", "-d", "-m", "2777", "-g", str(pod.fs_group), *directories)


def remove_volumes(pod: Pod, scope: Scope) -> tuple[Word, ...]:
    """Remove the pod's emptyDir volumes with all that is in them."""
    return (*as_root(scope), "/usr/bin/rm", "-rf", (Specifier.STATE_DIR, "/" + volumes_directory(pod)))


def as_root(scope: Scope) -> tuple[Word, ...]:
    """What to put before a command that may touch what is a container's."""
    # Without root, files of a container's users belong to subordinate IDs, which only podman's namespace may change.
    return () if scope is Scope.SYSTEM else (PODMAN, "unshare")


def state_directory(scope: Scope) -> tuple[str | Specifier, ...]:
    """The parent of the folder that `state.find_state_folder` finds."""
    # Not %S for a user, which moved with systemd 254.
    return (Specifier.STATE_DIR,) if scope is Scope.SYSTEM else (Specifier.HOME, "/.local/state")


def files_directory(pod: Pod, scope: Scope) -> tuple[str | Specifier, ...]:
    """What podunit keeps for the pod's start."""
    return (*state_directory(scope), f"/podunit/files/{pod.name}")


def made_directory(pod: Pod) -> str:
    """What the sandbox makes of that, below the runtime directory of the manager."""
    # As with the sandbox: an underscore is in no name of a pod.
    return f"podunit/{pod.name}_files"


def make_files(pod: Pod, volumes: Iterable[Files], scope: Scope) -> tuple[tuple[Word, ...], ...]:
    """Copy the files of volumes to where they are mounted, with the modes that they shall have there.

    With a group of their own they are that group's to read.
    """
    volumes = tuple(volumes)
    empty = [_made(pod, volume) for volume in volumes if not volume.files]
    commands: list[tuple[Word, ...]] = [("/usr/bin/mkdir", "-p", *empty)] if empty else []
    readable = 0 if pod.fs_group is None else 0o440
    files = [(file.mode | readable, f"{volume.name}/{file.path}") for volume in volumes for file in volume.files]
    if files:
        modes = [word for mode, path in files for word in (f"{mode:04o}", path)]
        places = ((*files_directory(pod, scope), "/volumes"), (Specifier.RUNTIME_DIR, f"/{made_directory(pod)}"))
        group = "" if pod.fs_group is None else f" -g {pod.fs_group}"
        script = _MAKE_FILES.replace("install -D", f"install -D{group}")
        shell: tuple[Word, ...] = () if pod.fs_group is None else as_root(scope)
        commands.append((*shell, "/bin/sh", "-c", script, "files", *places, *modes))
    return tuple(commands)


def _made(pod: Pod, volume: Files) -> tuple[str | Specifier, ...]:
    return (Specifier.RUNTIME_DIR, f"/{made_directory(pod)}/{volume.name}")


def mount_source(pod: Pod, mount: Mount, scope: Scope) -> tuple[str | Specifier, ...] | None:
    """The path on the host of what a mount shows; None for volumes that podman keeps."""
    below = f"/{mount.sub_path}" if mount.sub_path else ""
    match mount.volume:
        case HostPath(path=path):
            return (path + below,)
        case NetworkDirectory() as directory:
            return (mount_point(pod, directory) + below,)
        case Files() as volume:
            return (*_made(pod, volume), below)
        case EmptyDir(name=name, medium=Medium.DISK):
            return (Specifier.STATE_DIR, f"/{volumes_directory(pod)}/{name}{below}")
        case EmptyDir() as volume if place := locate_memory(pod, volume, scope):
            return (*place, below)
    return None


def list_claims(pod: Pod) -> tuple[str, ...]:
    """podman's volumes that outlive the pod, each once; podman makes them when they are first mounted."""
    return tuple(dict.fromkeys(volume.claim for volume in pod.volumes if isinstance(volume, Claim)))


def hold_claim(claim: str) -> Word:
    """How the sandbox mounts a claim, so that podman makes it."""
    # Mounted here first, so that no two containers make it at once.
    return f"--mount=type=volume,src={claim},dst={claim_path(claim)}"


def claim_path(claim: str) -> str:
    """Where the sandbox has it."""
    return f"/claims/{claim}"


def podman_volume(pod: Pod, volume: Volume) -> str:
    """podman's name of a volume that podman keeps."""
    assert isinstance(volume, Claim | EmptyDir), "others have a path"
    return volume.claim if isinstance(volume, Claim) else name_memory(pod, volume)


def mount_word(pod: Pod, mount: Mount, part: tuple[str | Specifier, ...] | None, scope: Scope) -> Word:
    """How a container mounts a volume, or the `part` of it that has a path of its own."""
    options = f",{_csv(f'dst={mount.mount_path}')}{',ro=true' if mount.read_only else ''}{map_users(pod)}"
    volume = mount.volume
    if isinstance(volume, ImageVolume):
        return f"--mount=type=image,src={volume.image},{_csv(f'dst={mount.mount_path}')}"
    source = part or mount_source(pod, mount, scope)
    if source is None:
        return f"--mount=type=volume,src={podman_volume(pod, volume)}{options}"
    # What is not a host path is the pod's own; a host path is labelled only if somebody asks for it.
    label = pod.relabel if isinstance(volume, HostPath) else Relabel.SHARED
    if isinstance(volume, NetworkDirectory):
        # The server knows no labels of this machine.
        label = Relabel.NONE
    return (
        "--mount=type=bind,",
        *_csv_pieces(("src=", *source)),
        options,
        # Of /run, where these files are, a bind mount would take over noexec.
        ",exec" if isinstance(volume, Files) else "",
        _PROPAGATIONS[mount.propagation],
        "" if label is Relabel.NONE else f",relabel={label}",
    )


def bind_file(pod: Pod, source: tuple[str | Specifier, ...], path: str) -> Word:
    """How a container sees a file of the pod's own."""
    return (
        "--mount=type=bind,",
        *_csv_pieces(("src=", *source)),
        f",{_csv(f'dst={path}')}{map_users(pod)},relabel=shared",
    )


def device_word(device: Device) -> Word:
    """How a container gets a block device."""
    return f"--device={device.volume.path}:{device.device_path}:{device_rights(device)}"


def device_rights(device: Device) -> str:
    """What a container may do with a block device, as cgroups spell it."""
    # As the kubelet: a device that is only read can neither be written nor made anew.
    return "r" if device.volume.read_only else "rwm"


def _csv_pieces(pieces: tuple[str | Specifier, ...]) -> tuple[str | Specifier, ...]:
    # Specifiers stand for directories of systemd's, which need no quotes.
    texts = [piece for piece in pieces if not isinstance(piece, Specifier)]
    if _csv("".join(texts)) == "".join(texts):
        return pieces
    return ('"', *(piece if isinstance(piece, Specifier) else piece.replace('"', '""') for piece in pieces), '"')


def _csv(field: str) -> str:
    # The value of --mount is one line of CSV: a field with a comma or a quote is quoted as a whole.
    return '"' + field.replace('"', '""') + '"' if any(char in field for char in '",\n\r') else field
