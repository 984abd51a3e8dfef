"""Answers to a container's unit that has asked for a hook, and waits for a line at a FIFO of its own.

In: the FIFO and a result. Out: `ok`, or why the hook has failed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from podunit.prober.series import Result, shorten


def reply(path: Path, result: Result) -> None:
    """Answer who waits, if somebody still does."""
    with contextlib.suppress(OSError):
        fifo = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if stat.S_ISFIFO(os.fstat(fifo).st_mode):
                os.write(fifo, f"{'ok' if result.success else shorten(result.message)}\n".encode())
        finally:
            os.close(fifo)
