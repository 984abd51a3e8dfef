"""What the generator says, where somebody finds it: the journal, or before that is there the kernel's log.

The journal takes up what the kernel's log has. A user's generator can write to the journal alone.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from podunit.line import SOCKET, UNIT_FIELD, write_line
from podunit.scope import Scope

# syslog(3).
ERROR, WARNING, INFO = 3, 4, 6

_KERNEL = Path("/dev/kmsg")
_NAME = "podunit-generator"
# The kernel refuses a line of more than a kilobyte, its prefix included.
_KERNEL_MAX = 900


class Log:
    """The log of a machine, as the generator of a manager writes it."""

    def __init__(self, scope: Scope, journal: Path = SOCKET, kernel: Path = _KERNEL) -> None:
        self._unit = UNIT_FIELD[scope]
        self._journal = journal
        self._kernel = kernel

    def tell(self, priority: int, text: str, unit: str = "") -> None:
        """One line, shown with the unit if there is one; lost where nobody takes it."""
        about = {self._unit: unit} if unit else {}
        if write_line({"MESSAGE": text, "PRIORITY": str(priority), "SYSLOG_IDENTIFIER": _NAME, **about}, self._journal):
            return
        line = f"<{priority}>{_NAME}[{os.getpid()}]: {text}".encode()[:_KERNEL_MAX]
        with suppress(OSError):
            handle = os.open(self._kernel, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(handle, line)
            finally:
                os.close(handle)
