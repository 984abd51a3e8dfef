"""Who holds a lock of flock(2), as the kernel tells it: for a message, not for a decision.

In: a path. Out: words. Locks of other machines or namespaces have no name here.
"""

from __future__ import annotations

import shlex
from pathlib import Path

# The fields of a line of /proc/locks, proc_locks(5): number, kind, advisory or not, access, process, device and inode.
_KIND, _PROCESS, _INODE = 1, 4, 5


def describe_holder(path: Path, locks: Path = Path("/proc/locks"), processes: Path = Path("/proc")) -> str:
    """The command that holds the lock of a directory, and its process: 'podunit apply (process 12)'; else ''."""
    try:
        inode = str(path.stat().st_ino)
        for line in locks.read_text().splitlines():
            fields = line.split()
            if fields[_KIND] == "FLOCK" and fields[_INODE].rpartition(":")[2] == inode and fields[_PROCESS] != "0":
                words = (processes / fields[_PROCESS] / "cmdline").read_bytes().decode(errors="replace").split("\0")
                return f"{_name(words[:-1])} (process {fields[_PROCESS]})"
    except (OSError, IndexError):
        # It is gone meanwhile, or somebody else's.
        return ""
    return ""


def _name(words: list[str]) -> str:
    """A command as it was typed: without the interpreter that runs it."""
    names = [Path(word).name for word in words]
    start = names.index("podunit") if "podunit" in names[:2] else 0
    return shlex.join([*names[start : start + 1], *words[start + 1 :]])
