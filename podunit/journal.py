"""The journal: the last lines that a unit's own processes have printed.

In: a unit's name. Out: lines. Knows journalctl(1), the journal's one stable interface from outside C.
"""

from __future__ import annotations

import subprocess

from podunit.scope import Scope


def read_last_lines(unit: str, scope: Scope, since_usec: int, lines: int) -> tuple[str, ...]:
    """At most so many lines that the unit has printed since a time (microseconds of CLOCK_REALTIME)."""
    field = "_SYSTEMD_USER_UNIT" if scope is Scope.USER else "_SYSTEMD_UNIT"
    command = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={lines}"]
    command += [f"--since=@{since_usec // 1_000_000}", f"{field}={unit}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        # Only an addition to a message that is already complete.
        return ()
    return tuple(line for line in done.stdout.splitlines() if line.strip())
