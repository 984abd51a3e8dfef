"""What the prober has found out about a container: whether it has started and is ready, and each probe's last result.

In: the file that the prober writes for each container that has probes. Out: `Probed`. Knows nothing of how probes work.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podunit.scope import Scope

_PROBES = ("startup", "readiness", "liveness")


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The last result of a probe, and how many like it there were in a row; `at` is in seconds of CLOCK_REALTIME."""

    success: bool
    message: str
    at: float
    failures: int
    successes: int


@dataclass(frozen=True, slots=True)
class Probed:
    """A container that has probes; `results` has those that have been made, by the probe's name."""

    started: bool
    ready: bool
    results: Mapping[str, ProbeResult]


def read_probed(pod: str, container: str, scope: Scope) -> Probed | None:
    """What is known of a container's probes; None for one without."""
    folder = _runtime_folder(scope) / f"podunit-probes/{pod}.{container}"
    try:
        found = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        results = {name: _read_result(found[name]) for name in _PROBES if found.get(name)}
        return Probed(bool(found["started"]), bool(found["ready"]), results)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # No probe has been made yet.
        return Probed(False, False, {}) if folder.is_dir() else None


def _read_result(found: Mapping[str, Any]) -> ProbeResult:
    return ProbeResult(
        bool(found["success"]),
        str(found.get("message", "")),
        float(found.get("at", 0)),
        int(found.get("failures", 0)),
        int(found.get("successes", 0)),
    )


def _runtime_folder(scope: Scope) -> Path:
    """What `%t` is for the manager's units."""
    if scope is Scope.SYSTEM:
        return Path("/run")
    return Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
