"""FIFOs at which shells wait until something is true: `read` returns when there is a line.

A gate holds both ends, so that opening it to read never blocks; who reads when it is closed finds the end of the file.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import termios
from pathlib import Path

# Each reader takes a line: more than wait between two checks.
_LINES = 256


class Gate:
    """A FIFO that is there already. OSError if it is none."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        if not stat.S_ISFIFO(os.fstat(self._fd).st_mode):
            os.close(self._fd)
            raise OSError(f"no FIFO: {path}")

    def set(self, is_open: bool) -> None:
        """Let readers go on, or wait. To be said again from time to time while it is open."""
        if not is_open:
            self._drain()
            return
        (held,) = struct.unpack("i", fcntl.ioctl(self._fd, termios.FIONREAD, b"\0" * 4))
        if held < _LINES:
            os.write(self._fd, b"\n" * (_LINES - held))

    def close(self) -> None:
        """Let readers find the end."""
        # The lines go with the last end of the pipe; a reader may hold the other one still.
        self._drain()
        os.close(self._fd)

    def _drain(self) -> None:
        while True:
            try:
                if not os.read(self._fd, 4096):
                    return
            except BlockingIOError:
                return
