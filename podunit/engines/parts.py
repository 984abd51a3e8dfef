"""Parts of volumes: what a subPath leads to, or a volume that is read-only with all below it.

In: the model. Out: words for `unitfile` to quote, and the paths that podman mounts in place of the volumes': each part
is held by a mount of its own. How it is found is the text of the unit, in `templates/macros.j2`: a container may put a
link into its volume at any moment, and podman would look up the path once more.
"""

from __future__ import annotations

from dataclasses import replace

from podunit.engines.programs import PODMAN, container_name
from podunit.engines.volumes import as_root, mount_source, podman_volume
from podunit.model import Claim, Container, Files, HostPath, Mount, MountPropagation, NetworkDirectory, Pod
from podunit.scope import Scope
from podunit.unitfile import Specifier, Word

# A hostPath alone may pass mounts on to the host; all others see later ones of the host at most.
_PROPAGATIONS = {
    MountPropagation.NONE: "rslave",
    MountPropagation.HOST_TO_CONTAINER: "rslave",
    MountPropagation.BIDIRECTIONAL: "rshared",
}
# What is mounted there later would not be read-only: it is not seen. The unit makes read-only what has this word.
_RECURSIVE = "rprivate"
# What something else may be mounted below.
_OPEN = (Claim, HostPath, NetworkDirectory)


def parts_directory(pod: Pod, container: Container) -> str:
    """Where the parts of a container are mounted, below the runtime directory of the manager."""
    # As with the sandbox: an underscore is in no name of a pod or container.
    return f"podunit/{container_name(pod, container)}_parts"


def list_parts(pod: Pod, container: Container, scope: Scope) -> tuple[Word, ...]:
    """For each part, in the order of their numbers: how mounts pass, the volume, and the path below it.

    A volume that is no path is one of podman's.
    """
    return tuple(word for mount in _list_parts(container) for word in _describe(pod, mount, scope))


def has_recursive(container: Container) -> bool:
    """Whether a part is read-only with all that is mounted below it."""
    return any(mount.recursive for mount in _list_parts(container))


def has_claim_parts(container: Container) -> bool:
    """Whether a part is one of a claim, which podman mounts if it is no mere directory: it has to be mounted before."""
    return any(isinstance(mount.volume, Claim) for mount in _list_parts(container))


def locate_parts(pod: Pod, container: Container) -> Word:
    """The directory of the parts."""
    return (Specifier.RUNTIME_DIR, f"/{parts_directory(pod, container)}")


def locate_part(pod: Pod, container: Container, mount: Mount) -> tuple[str | Specifier, ...] | None:
    """What a mount shows instead of its volume; None where that is the whole, or of files, which nobody changes."""
    parts = _list_parts(container)
    key = _key(mount)
    number = next((number for number, part in enumerate(parts) if _key(part) == key), None)
    return None if number is None else (Specifier.RUNTIME_DIR, f"/{parts_directory(pod, container)}/{number}")


def run_as_root(scope: Scope) -> tuple[Word, ...]:
    """A shell that may mount for podman: without root, in the namespaces in which podman itself works."""
    return (*as_root(scope), "/bin/sh")


def find_mountpoint() -> tuple[Word, ...]:
    """What prints the directory of one of podman's volumes, with its name as the last argument."""
    return (PODMAN, "volume", "inspect", "--format={{.Mountpoint}}")


def _list_parts(container: Container) -> tuple[Mount, ...]:
    """One mount of each part."""
    found: dict[tuple[str, str, str], Mount] = {}
    for mount in container.mounts:
        whole = mount.recursive and isinstance(mount.volume, _OPEN)
        if whole or (mount.sub_path and not isinstance(mount.volume, Files)):
            found.setdefault(_key(mount), mount)
    return tuple(found.values())


def _key(mount: Mount) -> tuple[str, str, str]:
    return (mount.volume.name, mount.sub_path, _pass_mounts(mount))


def _pass_mounts(mount: Mount) -> str:
    return _RECURSIVE if mount.recursive else _PROPAGATIONS[mount.propagation]


def _describe(pod: Pod, mount: Mount, scope: Scope) -> tuple[Word, ...]:
    volume = mount_source(pod, replace(mount, sub_path=""), scope)
    return (_pass_mounts(mount), volume or podman_volume(pod, mount.volume), mount.sub_path)
