"""What pods can be waited for to be, in the words of the command line."""

from __future__ import annotations

from enum import StrEnum


class Condition(StrEnum):
    """Of what is `stopped` nothing runs; `succeeded` and `failed` is a pod that has come to its end."""

    READY = "ready"
    STOPPED = "stopped"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
