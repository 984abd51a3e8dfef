"""Volumes in memory, of small or huge pages: file systems that the sandbox mounts, and that go with it.

In: the model. Out: argv, as words for `unitfile` to quote. A user's manager may not mount: there podman does, which
keeps each as a volume of its own.
"""

from __future__ import annotations

from podunit.engines.programs import PODMAN
from podunit.model import EmptyDir, Medium, Pod
from podunit.scope import Scope
from podunit.unitfile import Specifier, Word

# First what a start has left that was killed.
_MOUNT = (
    'cd "$1" && shift || exit; umount --lazy ./* 2> /dev/null; '
    'while [ $# -gt 0 ]; do mkdir -p "$1" && mount -t "$2" -o "$3" "$2" "$1" || exit; shift 3; done'
)
_UNMOUNT = 'umount --lazy "$1"/*'


def list_directories(pod: Pod, scope: Scope) -> list[str]:
    """The directory where the volumes are mounted, if any are, below the runtime directory of the manager."""
    return [_name_directory(pod)] if scope is Scope.SYSTEM and list_memory_volumes(pod) else []


def list_memory_volumes(pod: Pod) -> tuple[EmptyDir, ...]:
    """The pod's volumes in memory, huge pages or not."""
    return tuple(one for one in pod.volumes if isinstance(one, EmptyDir) and one.medium is not Medium.DISK)


def locate_memory(pod: Pod, volume: EmptyDir, scope: Scope) -> tuple[str | Specifier, ...] | None:
    """Where the sandbox mounts a volume; None where podman keeps it."""
    return (*_directory(pod), f"/{volume.name}") if scope is Scope.SYSTEM else None


def name_memory(pod: Pod, volume: EmptyDir) -> str:
    """podman's name of a volume that it keeps."""
    return f"{pod.name}_{volume.name}"


def make_memory(pod: Pod, scope: Scope) -> tuple[tuple[Word, ...], ...]:
    """Mount the pod's volumes; what podman keeps is only made ahead if it has a group, which podman heeds only so."""
    found = list_memory_volumes(pod)
    if scope is Scope.SYSTEM:
        words = (word for one in found for word in (one.name, _file_system(one), f"nosuid,nodev,{_options(pod, one)}"))
        return (("/bin/sh", "-c", _MOUNT, "memory", _directory(pod), *words),) if found else ()
    if pod.fs_group is None:
        return ()
    # A volume that was there before lost its pod without a stop.
    make = f'{PODMAN} volume create "--opt=type=$3" "--opt=device=$3" "--opt=o=$2"'
    script = f'{PODMAN} volume rm "$1" 2>/dev/null; exec {make} "$1"'
    return tuple(
        ("/bin/sh", "-c", script, "volume", name_memory(pod, one), _count_blocks(pod, one), _file_system(one))
        for one in found
    )


def hold_memory(pod: Pod, scope: Scope) -> tuple[Word, ...]:
    """How a process of podman's mounts what podman keeps of these, so that it makes those that are not there."""
    return tuple(_hold(pod, one) for one in list_memory_volumes(pod)) if scope is Scope.USER else ()


def remove_memory(pod: Pod, scope: Scope) -> tuple[Word, ...] | None:
    """Unmount the pod's volumes, or let podman remove them, once no container has them; None if there are none."""
    if not (found := list_memory_volumes(pod)):
        return None
    if scope is Scope.SYSTEM:
        return ("/bin/sh", "-c", _UNMOUNT, "memory", _directory(pod))
    return (PODMAN, "volume", "rm", *(name_memory(pod, one) for one in found))


def _directory(pod: Pod) -> tuple[str | Specifier, ...]:
    return (Specifier.RUNTIME_DIR, f"/{_name_directory(pod)}")


def _name_directory(pod: Pod) -> str:
    # As with the sandbox: an underscore is in no name of a pod.
    return f"podunit/{pod.name}_memory"


def _hold(pod: Pod, volume: EmptyDir) -> Word:
    # Only to be mounted somewhere.
    word = f"--mount=type=volume,src={name_memory(pod, volume)},dst=/volumes/{volume.name}"
    if pod.fs_group is not None:
        return word
    kind = _file_system(volume)
    return f'{word},volume-opt=type={kind},volume-opt=device={kind},"volume-opt=o={_options(pod, volume)}"'


def _file_system(volume: EmptyDir) -> str:
    return "tmpfs" if volume.medium is Medium.MEMORY else "hugetlbfs"


def _options(pod: Pod, volume: EmptyDir) -> str:
    """As mount(8) takes them: a directory that every user may write, or the group's own."""
    mode = "mode=0777" if pod.fs_group is None else f"mode=2777,gid={pod.fs_group}"
    # Of pages, by the words of the kernel's hugetlbpage.rst.
    page = {Medium.HUGE_PAGES_2MI: ",pagesize=2M", Medium.HUGE_PAGES_1GI: ",pagesize=1G"}.get(volume.medium, "")
    return f"{mode}{page}{f',size={size}' if (size := _limit(volume)) is not None else ''}"


def _count_blocks(pod: Pod, volume: EmptyDir) -> str:
    # Not size=, which podman 4.3 takes for a quota on disk; 4096 is the size of a page.
    size = _limit(volume)
    return _options(pod, volume).replace(f",size={size}", "" if size is None else f",nr_blocks={-(-size // 4096)}")


def _limit(volume: EmptyDir) -> int | None:
    return volume.size_bytes if volume.medium is Medium.MEMORY else None
