"""What has to be there on the host before a container starts: host paths, of their types.

In: the mounts of a container. Out: command lines for ExecStartPre=, and paths whose mounts a unit has to wait for.
"""

from __future__ import annotations

from collections.abc import Iterator

from podunit.model import Container, HostPath, HostPathType, Mount
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


def list_host_paths(container: Container) -> tuple[str, ...]:
    """The host paths that a container mounts, each once."""
    return tuple(dict.fromkeys(mount.volume.path for mount in container.mounts if isinstance(mount.volume, HostPath)))


def prepare_paths(container: Container) -> tuple[Value, ...]:
    """The commands that check or make paths before a container starts."""
    commands: dict[Value, None] = {}
    for mount in container.mounts:
        for words in _prepare(mount):
            commands[command_line(words)] = None
    for device in container.devices:
        commands[command_line(_check(device.volume.path, HostPathType.BLOCK_DEVICE, "volumeDevices"))] = None
    return tuple(commands)


def _prepare(mount: Mount) -> Iterator[tuple[Word, ...]]:
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


def _check(path: str, kind: HostPathType, field: str) -> tuple[Word, ...]:
    operator, noun = _TESTS[kind]
    script = f'[ {operator} "$1" ] || {{ echo "{field} $1 is not {noun}" >&2; exit 1; }}'
    return ("/bin/sh", "-c", script, field, path)
