"""Room 0: the system said no: D-Bus, the file system, a missing podman.

What failed enters, an exception leaves that the command line prints and turns into exit status 3. This file
must not know of positions: what is wrong with the user's input is a `report.Problem`, our bug a traceback.
"""

from __future__ import annotations

import errno

_ADVICE = {
    errno.EACCES: "run this as root, or use --user",
    errno.EPERM: "run this as root, or use --user",
    errno.ENOSPC: "make room on that file system",
    errno.EDQUOT: "make room: the quota there is used up",
    errno.EROFS: "mount that file system for writing",
    errno.EIO: "see what the kernel says of that disk: journalctl --dmesg",
}


class PodunitError(Exception):
    """What failed, as a sentence for the user, and what to do about it ('' for nothing)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def advise(error: OSError) -> str:
    """What to do about an error of the system, '' where there is no general advice."""
    return _ADVICE.get(error.errno or 0, "")
