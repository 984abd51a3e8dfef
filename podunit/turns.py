"""A Job with several pods: the unit that lets so many of them run at a time, and counts their failures.

In: a pod of the model, the words of its units. Out: a `UnitFile`. docs/units.md explains how it works.
"""

from __future__ import annotations

from podunit.model import Pod, RestartPolicy
from podunit.names import container_unit, job_unit, pod_unit
from podunit.rules import FailureRule
from podunit.runs import SuccessRule, Turns
from podunit.unitfile import Specifier, UnitFile, Value, escape_text, join_units, quote_word

# In the script of a Job's unit: the index of the pod that a shell runs.
_INDEX = "$$1"


def make_job(pod: Pod, turns: Turns, systemctl: Value) -> UnitFile:
    """The service of a Job; what its pods have in common is that of `pod`, one of them."""
    any_pod = f"{turns.job}-{_INDEX}"
    mains = [container_unit(any_pod, container.name) for container in pod.containers]
    restarts = pod.restart_policy is not RestartPolicy.NEVER
    limit, max_failed = turns.backoff_limit_per_index, turns.max_failed_indexes
    return UnitFile(
        job_unit(turns.job),
        "job.service.j2",
        {
            "job": escape_text(turns.job),
            "systemctl": systemctl,
            "directory": Value(_directory(turns.job)),
            "deadline_sec": Value(str(turns.deadline_sec)) if turns.deadline_sec is not None else None,
            "pod_unit": join_units([pod_unit(any_pod)]),
            "pods": Value(f"$$(seq --format=pod@{turns.job}-%%.0f.service 0 {turns.pods - 1})"),
            "last_index": Value(str(turns.pods - 1)),
            "parallelism": Value(str(turns.parallelism)),
            "is_queue": turns.is_queue,
            "restarting_units": join_units(mains) if restarts else None,
            "rules": judge_failures(any_pod, pod.run.rules if pod.run else ()),
            "limit": Value(str(turns.backoff_limit)),
            "limit_per_index": Value(str(limit)) if limit is not None else None,
            "max_failed": Value(str(max_failed)) if max_failed is not None else None,
            "successes": tuple(map(_judge_success, turns.success_rules)),
        },
    )


def done_file(pod: Pod, turns: Turns) -> Value:
    """What a pod makes when it has succeeded, as a word of an Exec line."""
    index = pod.name.removeprefix(f"{turns.job}-")
    return quote_word((Specifier.RUNTIME_DIR, f"/{_directory(turns.job)}/done-{index}"), expands_variables=True)


def judge_failures(pod: str, rules: tuple[FailureRule, ...]) -> tuple[Value, ...]:
    """For each rule a command of a shell that succeeds if it holds, and tells its action."""
    return tuple(_judge_failure(pod, rule) for rule in rules)


def _judge_failure(pod: str, rule: FailureRule) -> Value:
    units = " ".join(container_unit(pod, container) for container in rule.containers)
    codes = " ".join(map(str, rule.codes))
    return Value(f'{"ends_other" if rule.negated else "ends"} "{codes}" {units} && action={rule.action}')


def _judge_success(rule: SuccessRule) -> Value:
    """A command of a shell that succeeds if so many pods have."""
    files = "done-*" if rule.indexes is None else " ".join(f"done-{index}" for index in rule.indexes)
    return Value(f"[ $$(ls {files} 2> /dev/null | wc -l) -ge {rule.count} ]")


def _directory(job: str) -> str:
    return f"podunit-job-{job}"
