"""A Job with several pods: how many run at a time, which failures and successes are enough.

In: objects of `schema_jobs`. Out: `runs.Turns`, or problems. The report is for paths below the Job's `spec`.
"""

from __future__ import annotations

import re

from podunit import runs
from podunit.decode import Located
from podunit.kubernetes import schema_jobs
from podunit.kubernetes.schema_jobs import CompletionMode
from podunit.model import RestartPolicy
from podunit.record import record
from podunit.report import Report

# More pods than that are a mistake on one machine: each has units of its own.
_PODS_MAX = 1000
_INT32_MAX = 2**31 - 1
_RULES_MAX = 20
_INDEXES = re.compile(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*")


@record
class Size:
    """How many pods a Job has, and run at a time; a queue is done when one has succeeded and all have ended."""

    pods: int
    at_once: int
    is_queue: bool


def is_indexed(spec: schema_jobs.JobSpec) -> bool:
    """Whether the pods of a Job have indexes."""
    return spec.completion_mode is not None and spec.completion_mode.value is CompletionMode.INDEXED


def count_pods(spec: schema_jobs.JobSpec, report: Report) -> Size:
    """How many pods a Job has; one if that cannot be said."""
    completions, parallelism = spec.completions, spec.parallelism
    if completions and not 1 <= completions.value <= _PODS_MAX:
        report.error(completions.at, "completions", f"{completions.value} is not between 1 and {_PODS_MAX}")
        return Size(1, 1, is_queue=False)
    if parallelism and not 0 <= parallelism.value <= _INT32_MAX:
        report.error(parallelism.at, "parallelism", f"{parallelism.value} is not between 0 and {_INT32_MAX}")
        return Size(1, 1, is_queue=False)
    if parallelism and parallelism.value == 0:
        report.error(parallelism.at, "parallelism", "0 pods at a time", "write 'suspend: true' to have it wait")
        return Size(1, 1, is_queue=False)
    at_once = parallelism.value if parallelism else 1
    if completions:
        return Size(completions.value, min(at_once, completions.value), is_queue=False)
    if parallelism and at_once > _PODS_MAX:
        report.error(parallelism.at, "parallelism", f"{at_once} pods, at most {_PODS_MAX} are possible")
        return Size(1, 1, is_queue=False)
    return Size(at_once, at_once, is_queue=at_once > 1)


def translate_turns(job: str, spec: schema_jobs.JobSpec, size: Size, limit: int, report: Report) -> runs.Turns:
    """How the pods of a Job take turns, whose backoffLimit is `limit`."""
    policy = spec.template.spec.restart_policy
    if policy and policy.value is RestartPolicy.ON_FAILURE and size.pods > 1 and limit:
        at = (spec.backoff_limit or policy).at
        message = f"{limit} restarts of a container are for each pod by itself, not for all together"
        report.warning(at, "backoffLimit", message, "with 'restartPolicy: Never' the failures of all pods are counted")
    per_index = spec.backoff_limit_per_index
    deadline = spec.active_deadline_seconds
    return runs.Turns(
        job=job,
        pods=size.pods,
        parallelism=size.at_once,
        is_queue=size.is_queue,
        # The API's default where each index has a limit of its own.
        backoff_limit=_INT32_MAX if per_index and not spec.backoff_limit else limit,
        deadline_sec=deadline.value if deadline else None,
        backoff_limit_per_index=per_index.value if per_index else None,
        max_failed_indexes=spec.max_failed_indexes.value if spec.max_failed_indexes else None,
        success_rules=_translate_successes(spec, size.pods, report),
    )


def check_indexed(spec: schema_jobs.JobSpec, report: Report) -> None:
    """What only a Job with indexes may say, and what that needs."""
    mode, per_index, most = spec.completion_mode, spec.backoff_limit_per_index, spec.max_failed_indexes
    if mode and is_indexed(spec) and spec.completions is None:
        report.error(mode.at, "completionMode", "Indexed needs spec.completions")
    needy = {"backoffLimitPerIndex": per_index, "successPolicy": spec.success_policy}
    for name, field in needy.items():
        if field and not is_indexed(spec):
            report.error(field.at, name, "needs 'completionMode: Indexed'")
    if per_index:
        _check_range(per_index, "backoffLimitPerIndex", report)
        policy = spec.template.spec.restart_policy
        if policy and policy.value is RestartPolicy.ON_FAILURE:
            message = "needs 'restartPolicy: Never': with OnFailure a container is restarted in its pod"
            report.error(per_index.at, "backoffLimitPerIndex", message)
    if most and _check_range(most, "maxFailedIndexes", report) and not per_index:
        report.error(most.at, "maxFailedIndexes", "needs spec.backoffLimitPerIndex")


def _translate_successes(spec: schema_jobs.JobSpec, pods: int, report: Report) -> tuple[runs.SuccessRule, ...]:
    if spec.success_policy is None:
        return ()
    rules, found = spec.success_policy.value.rules, []
    if not 1 <= len(rules.value) <= _RULES_MAX:
        report.error(rules.at, "successPolicy.rules", f"{len(rules.value)} rules, 1 to {_RULES_MAX} are allowed")
    for number, rule in enumerate(rules.value):
        path = f"successPolicy.rules[{number}]"
        if not rule.succeeded_indexes and not rule.succeeded_count:
            report.error(rule.at, path, "a rule has 'succeededIndexes', 'succeededCount', or both")
            continue
        indexes = _read_indexes(rule.succeeded_indexes, pods, path, report) if rule.succeeded_indexes else None
        most = pods if indexes is None else len(indexes)
        count = rule.succeeded_count
        if count and not 1 <= count.value <= most:
            report.error(count.at, f"{path}.succeededCount", f"{count.value} is not between 1 and {most}")
        found.append(runs.SuccessRule(indexes, count.value if count else most))
    return tuple(found)


def _read_indexes(text: Located[str], pods: int, path: str, report: Report) -> tuple[int, ...]:
    """`1,3-5` as (1, 3, 4, 5)."""
    where = f"{path}.succeededIndexes"
    if not _INDEXES.fullmatch(text.value):
        report.error(text.at, where, f"'{text.value}' is not a list of indexes", "write numbers and ranges: 1,3-5")
        return ()
    found: list[int] = []
    for part in text.value.split(","):
        first, _, last = part.partition("-")
        low, high = int(first), int(last or first)
        if low > high or (found and low <= found[-1]):
            report.error(text.at, where, f"'{part}' is not in ascending order")
            return ()
        if high >= pods:
            report.error(text.at, where, f"there is no index {high}: the last one is {pods - 1}")
            return ()
        found += range(low, high + 1)
    return tuple(found)


def _check_range(number: Located[int], path: str, report: Report) -> bool:
    if 0 <= number.value <= _INT32_MAX:
        return True
    report.error(number.at, path, f"{number.value} is not between 0 and {_INT32_MAX}")
    return False
