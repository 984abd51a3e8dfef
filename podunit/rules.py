"""What the exit code of a container means, in Kubernetes' words: a restart of its own, or something for its Job."""

from __future__ import annotations

from enum import StrEnum

from podunit.record import record


@record
class RestartRule:
    """A container that ends with one of these exit codes starts again; with `negated`, with another one than these."""

    codes: tuple[int, ...]
    negated: bool


class FailureAction(StrEnum):
    """`action` of a PodFailurePolicyRule: what the failure of a pod means for its Job."""

    COUNT = "Count"
    IGNORE = "Ignore"
    FAIL_INDEX = "FailIndex"
    FAIL_JOB = "FailJob"


@record
class FailureRule:
    """Which failures have an `action`: one of these containers failed with one of these exit codes.

    With `negated` it failed with another one than these.
    """

    action: FailureAction
    containers: tuple[str, ...]
    codes: tuple[int, ...]
    negated: bool
