"""The rules of when a container starts again, by name and shape (Kubernetes API reference, v1).

In: nothing. Out: dataclasses for `decode`, as those of `schema`.
"""

from __future__ import annotations

from enum import StrEnum

from podunit.decode import Located
from podunit.record import record
from podunit.report import Position


class RestartOperator(StrEnum):
    """`operator` of a ContainerRestartRuleOnExitCodes."""

    IN = "In"
    NOT_IN = "NotIn"


class RestartAction(StrEnum):
    """`action` of a ContainerRestartRule."""

    RESTART = "Restart"
    RESTART_ALL_CONTAINERS = "RestartAllContainers"


@record
class ContainerRestartRuleOnExitCodes:
    """core/v1 ContainerRestartRuleOnExitCodes."""

    operator: RestartOperator
    at: Position
    values: tuple[Located[int], ...] = ()


@record
class ContainerRestartRule:
    """core/v1 ContainerRestartRule."""

    action: Located[RestartAction]
    at: Position
    exit_codes: ContainerRestartRuleOnExitCodes | None = None
