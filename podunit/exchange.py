"""A folder whose content changes as a whole: what is new is made beside it, and takes its place in one step.

In: the folder and its successor. Out: each in the other's place, and back again by whoever finds that half done. Who
has the folder open keeps what it has opened.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from podunit.record import record

# renameat2(2): swap two names, with paths from the working directory.
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100

# A kernel or a file system that cannot.
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


# In a successor, until the exchange is over for good.
_MARK = ".staged"


@record
class Exchange:
    """A folder, which may not be there, and its successor beside it, which has been begun by `begin`."""

    folder: Path
    successor: Path

    def make(self) -> None:
        """Put each in the other's place: in one step, or in three where the file system cannot.

        It is on the disk when the folder's parent is.
        """
        if not self.folder.exists():
            self.successor.rename(self.folder)
        elif not _swap(self.folder, self.successor):
            self.folder.rename(self._aside)
            self.successor.rename(self.folder)
            self._aside.rename(self.successor)

    def undo(self) -> None:
        """Let the folder be as before `make`, however much of that was done, or of an `undo` before."""
        if self._aside.exists():
            if _is_new(self.folder):
                self.folder.rename(self.successor)
            self._aside.rename(self.folder)
        elif _is_new(self.folder):
            if not self.successor.exists():
                self.folder.rename(self.successor)
            elif not _swap(self.folder, self.successor):
                self.folder.rename(self.successor.with_name(f"{self.successor.name}_undone"))
        if not self.folder.exists() and self.successor.exists() and not _is_new(self.successor):
            self.successor.rename(self.folder)
        if self.folder.parent.exists():
            sync(self.folder.parent)

    @property
    def _aside(self) -> Path:
        return self.successor.with_name(f"{self.successor.name}_old")


def begin(folder: Path) -> None:
    """Mark a folder as one that is to take another's place."""
    (folder / _MARK).touch(mode=0o600)


def settle(folder: Path) -> None:
    """Take the mark away: what this folder has replaced is not wanted any more."""
    (folder / _MARK).unlink(missing_ok=True)


def list_content(folder: Path) -> list[Path]:
    """All files below a folder, sorted, without the mark."""
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and file != folder / _MARK]


def sync(path: Path) -> None:
    """Wait until a file, or what a folder says of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_new(folder: Path) -> bool:
    return (folder / _MARK).exists()


def _swap(one: Path, other: Path) -> bool:
    """Swap two names in one step; False where that cannot be done."""
    # Few commands come here, and it takes a while to import.
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(one))
