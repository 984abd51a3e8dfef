"""The journal: the last lines that a unit's own processes have printed.

In: a unit's name. Out: lines. Knows journalctl(1), the journal's one stable interface from outside C.
"""

from __future__ import annotations

import json
import subprocess

from podunit.scope import Scope

_TIMEOUT_SEC = 20
# Of so many entries at least one is the unit's own, and not podman's bookkeeping.
_NOISE = 5


def read_last_lines(unit: str, scope: Scope, since_usec: int, lines: int) -> tuple[str, ...]:
    """At most so many lines that the unit has printed since a time (microseconds of CLOCK_REALTIME)."""
    field = "_SYSTEMD_USER_UNIT" if scope is Scope.USER else "_SYSTEMD_UNIT"
    command = ["journalctl", "--quiet", "--no-pager", "--output=json"]
    command += [f"--lines={lines * _NOISE}", f"--since=@{since_usec // 1_000_000}", f"{field}={unit}"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_SEC, check=False)
    except (OSError, subprocess.TimeoutExpired):
        # Only an addition to a message that is already complete.
        return ()
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    return tuple(_read_message(entry) for entry in entries if _is_own(entry))[-lines:]


def _is_own(entry: dict[str, object]) -> bool:
    # Printed by a process of the unit, or by the container, for which its monitor writes. podman's events and the
    # monitor's own warnings come over the syslog socket or with a field that names the event.
    return "PODMAN_EVENT" not in entry and (entry.get("_TRANSPORT") == "stdout" or "CONTAINER_NAME" in entry)


def _read_message(entry: dict[str, object]) -> str:
    # What is not UTF-8 comes as a list of bytes, what is too long as null.
    message = entry.get("MESSAGE")
    if isinstance(message, list):
        return bytes(message).decode(errors="replace")
    return str(message or "")
