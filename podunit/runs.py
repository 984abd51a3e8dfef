"""How pods run to their end: those of Jobs, and when those of CronJobs start.

A part of the `model` that knows of no containers but their names.
"""

from __future__ import annotations

from podunit.record import record
from podunit.rules import FailureRule


@record
class SuccessRule:
    """When a Job has succeeded before all its pods have: so many of those with these indexes, None for all indexes."""

    indexes: tuple[int, ...] | None
    count: int


@record
class Turns:
    """How the pods of a Job, `JOB-0` and so on, run in turn: `parallelism` at a time, so that each succeeds once.

    With more than `backoff_limit` failures, or after `deadline_sec`, the Job has failed. With a limit for each index it
    goes on when a pod has failed more often than that, unless more than `max_failed_indexes` have. Once a pod of a
    queue has succeeded, none is tried again. One of the `success_rules` is enough for success.
    """

    job: str
    pods: int
    parallelism: int
    is_queue: bool
    backoff_limit: int
    deadline_sec: int | None
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    success_rules: tuple[SuccessRule, ...] = ()


@record
class Run:
    """How a pod of a Job runs to its end: it is tried again `backoff_limit` times, but not after `deadline_sec`.

    The first of the `rules` that holds says what else a failure means. A `suspended` pod is only started by hand. With
    `turns` it is its Job that starts the pod, and starts it again: then limit and deadline are those of the Job.
    """

    backoff_limit: int
    deadline_sec: int | None
    suspended: bool
    rules: tuple[FailureRule, ...] = ()
    turns: Turns | None = None


@record
class Schedule:
    """When a pod of a CronJob is started: at the times of `calendars`, in the syntax of systemd.time(7).

    A run that is due `replaces` one that is not done, or is passed over. A time that has passed while the machine was
    off is made up for within `deadline_sec`, None for however late. A `suspended` schedule waits to be resumed.
    """

    calendars: tuple[str, ...]
    replaces: bool
    deadline_sec: int | None
    suspended: bool
