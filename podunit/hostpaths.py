"""What has to be there on the host before a container starts: the types of host paths, and the parts of volumes.

In: the mounts of a container. Out: command lines for ExecStartPre=, and paths whose mounts a unit has to wait for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from podunit.engines.volumes import mount_source
from podunit.model import Container, Files, HostPath, HostPathType, Mount, Pod
from podunit.unitfile import Value, Word, command_line

# Type → test(1)'s operator, and what it is called.
_TESTS = {
    HostPathType.DIRECTORY: ("-d", "a directory"),
    HostPathType.FILE: ("-f", "a file"),
    HostPathType.SOCKET: ("-S", "a socket"),
    HostPathType.CHAR_DEVICE: ("-c", "a character device"),
    HostPathType.BLOCK_DEVICE: ("-b", "a block device"),
}

_MAKE_FILE = '[ -f "$1" ] || { [ ! -e "$1" ] && : > "$1"; } || { echo "hostPath $1 is not a file" >&2; exit 1; }'

# A part is made like its volume if it is not there. A container may have put a link in its place: what that leads to
# would be made, and mounted, with the rights of whoever runs podman.
_MAKE_PART = (
    'volume=$(readlink -f "$1"); part=$(readlink -m "$1/$2"); case $part/ in "${volume%/}"/*) ;;'
    ' *) echo "subPath $2 leads out of its volume" >&2; exit 1;; esac;'
    ' [ -e "$part" ] || { mkdir -p "$part" && chmod --reference="$volume" "$part"; }'
)


def list_host_paths(container: Container) -> tuple[str, ...]:
    """The host paths that a container mounts, each once."""
    return tuple(dict.fromkeys(mount.volume.path for mount in container.mounts if isinstance(mount.volume, HostPath)))


def prepare_paths(pod: Pod, container: Container) -> tuple[Value, ...]:
    """The commands that check or make paths before a container starts."""
    commands: dict[Value, None] = {}
    for mount in container.mounts:
        for words in _prepare(pod, mount):
            commands[command_line(words)] = None
    for device in container.devices:
        commands[command_line(_check(device.volume.path, HostPathType.BLOCK_DEVICE, "volumeDevices"))] = None
    return tuple(commands)


def _prepare(pod: Pod, mount: Mount) -> Iterator[tuple[Word, ...]]:
    volume = mount.volume
    if isinstance(volume, HostPath):
        match volume.type:
            case HostPathType.UNSET:
                pass
            case HostPathType.DIRECTORY_OR_CREATE:
                yield ("/usr/bin/mkdir", "-p", "--", volume.path)
            case HostPathType.FILE_OR_CREATE:
                yield ("/bin/sh", "-c", _MAKE_FILE, "hostPath", volume.path)
            case kind:
                yield _check(volume.path, kind, "hostPath")
    root = mount_source(pod, replace(mount, sub_path=""))
    # Files are all there from the start.
    if mount.sub_path and root is not None and not isinstance(volume, Files):
        yield ("/bin/sh", "-c", _MAKE_PART, "subPath", root, mount.sub_path)


def _check(path: str, kind: HostPathType, field: str) -> tuple[Word, ...]:
    operator, noun = _TESTS[kind]
    script = f'[ {operator} "$1" ] || {{ echo "{field} $1 is not {noun}" >&2; exit 1; }}'
    return ("/bin/sh", "-c", script, field, path)
