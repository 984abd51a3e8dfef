"""What is known of a container, in a file beside its registration: for `podunit ps`, and for the next prober.

In and out: `Known`, as JSON of the keys started, ready, stopping, registration and one per probe.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from podunit.record import record

REGISTRATION = "probes.json"
STATE = "state.json"
# What the container's unit makes its status.
REASON = "reason"


class Kind(StrEnum):
    """The probes of a container."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


@record
class Last:
    """The last result of a probe when that differed from the one before, at `at` seconds of Unix time."""

    success: bool
    message: str
    at: float
    failures: int
    successes: int


@record
class Known:
    """Verdicts on a container, and last results. `stopping` is the probe that has it stopped, '' for none."""

    registration: str
    started: bool
    ready: bool
    stopping: str = ""
    results: Mapping[Kind, Last] = field(default_factory=dict)


def stamp_registration(directory: Path) -> str:
    """What tells this file from a later one of its name, '' if there is none."""
    try:
        found = (directory / REGISTRATION).stat()
    except OSError:
        return ""
    return f"{found.st_ino}-{found.st_mtime_ns}"


def write_state(directory: Path, known: Known) -> None:
    """Replace the file in one step. OSError if that fails."""
    found: dict[str, object] = {"started": known.started, "ready": known.ready, "registration": known.registration}
    if known.stopping:
        found["stopping"] = known.stopping
    found.update({kind.value: asdict(last) for kind, last in known.results.items()})
    new = directory / f".{STATE}.new"
    new.write_text(json.dumps(found), encoding="utf-8")
    new.chmod(0o644)
    new.replace(directory / STATE)


def write_reason(directory: Path, reason: str) -> None:
    """Leave to the unit why its container is stopped, one line; what cannot be written is in the journal."""
    with contextlib.suppress(OSError):
        (directory / REASON).write_text(reason, encoding="utf-8")


def read_state(directory: Path) -> Known | None:
    """What a prober has written; None if none has, or it cannot be read."""
    try:
        found = json.loads((directory / STATE).read_text(encoding="utf-8"))
        results = {kind: _read_last(found[kind]) for kind in Kind if kind in found}
        return Known(
            str(found["registration"]),
            bool(found["started"]),
            bool(found["ready"]),
            str(found.get("stopping", "")),
            results,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _read_last(found: Mapping[str, Any]) -> Last:
    return Last(
        bool(found["success"]),
        str(found["message"]),
        float(found["at"]),
        int(found["failures"]),
        int(found["successes"]),
    )
