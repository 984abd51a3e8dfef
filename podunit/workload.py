"""Everything that one command was given: pods, and those who own several of them.

In: parts of `model`. Out: `Workload`, which `load` makes and everything after it reads. Knows no kind's fields.
"""

from __future__ import annotations

from enum import StrEnum

from podunit.model import Owner, Pod
from podunit.record import record
from podunit.report import Position

# apps/v1: the default of revisionHistoryLimit; for pods of no owner as well.
HISTORY_LIMIT = 10


class Replacement(StrEnum):
    """How pods that run are replaced when their template has changed.

    `type` of a DeploymentStrategy, StatefulSetUpdateStrategy and DaemonSetUpdateStrategy.
    """

    ROLLING_UPDATE = "RollingUpdate"
    RECREATE = "Recreate"
    ON_DELETE = "OnDelete"


@record
class Controller:
    """A Deployment, StatefulSet or their like: who owns the pods of these names, and how it replaces them.

    At most `max_unavailable` are down at once; the first `held` pods keep what they are, and all do if it is `paused`.
    `ordered` pods start and go one after the other; `descending` ones are replaced from the last to the first. A pod
    counts as up after `min_ready_sec` without a break, and has failed after `deadline_sec`. So many revisions are kept
    besides the one that is there.
    """

    owner: Owner
    namespace: str
    pods: tuple[str, ...]
    replacement: Replacement
    max_unavailable: int
    held: int
    paused: bool
    ordered: bool
    descending: bool
    min_ready_sec: int
    deadline_sec: int
    history_limit: int
    name_at: Position


@record
class Workload:
    """Everything that one command was given, each kind in the order of the input; a replica is among the pods, too.

    `concerned` names the pods that are here only for what they refer to.
    """

    pods: tuple[Pod, ...] = ()
    concerned: frozenset[str] = frozenset()
    controllers: tuple[Controller, ...] = ()
