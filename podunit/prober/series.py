"""Results of one probe in a row, and when they change the verdict. No clock, no check.

Thresholds as in pkg/kubelet/prober/worker.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from podunit.record import record

_LONGEST_MESSAGE = 200


@record
class Result:
    """What one check has found; `success` None if it could not be made, which counts for nothing."""

    success: bool | None
    message: str = ""


@dataclass(slots=True)
class Series:
    """The results in a row that were alike; one of the two numbers is 0."""

    success_threshold: int
    failure_threshold: int
    successes: int = 0
    failures: int = 0

    def add(self, success: bool) -> bool | None:
        """Count a result; the verdict that so many in a row make, None while they are too few."""
        if success:
            self.successes, self.failures = self.successes + 1, 0
            return True if self.successes >= self.success_threshold else None
        self.successes, self.failures = 0, self.failures + 1
        return False if self.failures >= self.failure_threshold else None


def shorten(text: bytes | str) -> str:
    """The first line of what somebody else has said, at most 200 characters, without what a terminal would obey."""
    if isinstance(text, bytes):
        text = text[: 4 * _LONGEST_MESSAGE].decode("utf-8", "replace")
    first = next((line for line in text.splitlines() if line.strip()), "")
    return "".join(it if it.isprintable() else "\N{REPLACEMENT CHARACTER}" for it in first.strip()[:_LONGEST_MESSAGE])
