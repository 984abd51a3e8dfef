"""What becomes of the fields of Job and CronJob; the golden cases show the units."""

from __future__ import annotations

from pathlib import Path

import pytest

from podunit.generate import generate
from podunit.installed import list_pods
from podunit.load import load_files
from podunit.model import Pod
from podunit.render import render
from podunit.report import Report
from podunit.runs import Run, Schedule, SuccessRule, Turns
from podunit.scope import Scope
from podunit.target import OLDEST

_TEMPLATE = "{spec: {restartPolicy: Never, containers: [{name: a, image: 'quay.io/a/b:1', env: [%s]}]}}"


def job(spec: str = "", env: str = "", name: str = "work") -> str:
    return (
        f"{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{{spec}template: {_TEMPLATE % env}}}}}"
    )


def cron_job(spec: str = "concurrencyPolicy: Forbid", job_spec: str = "", schedule: str = "0 3 * * *") -> str:
    return (
        f"{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: work}}, spec: {{schedule: '{schedule}', {spec},"
        f" jobTemplate: {{spec: {{{job_spec}template: {_TEMPLATE % ''}}}}}}}}}"
    )


def load(text: str, tmp_path: Path) -> tuple[tuple[Pod, ...], list[str]]:
    """The pods of a document, and the messages about it."""
    file = tmp_path / "job.yaml"
    file.write_text(text, encoding="utf-8")
    report = Report()
    workload = load_files([str(file)], report)
    return workload.pods if workload else (), [problem.message for problem in report.problems]


def test_a_job_is_a_pod_of_its_name_with_the_defaults_of_the_api(tmp_path: Path) -> None:
    (pod,), problems = load(job(), tmp_path)
    assert (pod.name, pod.hostname, pod.run, pod.schedule, problems) == ("work", "work", Run(6, None, False), None, [])


def test_what_a_job_says_of_its_run(tmp_path: Path) -> None:
    (pod,), problems = load(job("backoffLimit: 0, activeDeadlineSeconds: 90, suspend: true, "), tmp_path)
    assert (pod.run, problems) == (Run(0, 90, True), [])


@pytest.mark.parametrize("spec", ["", "completions: 1, ", "parallelism: 1, ", "completions: 1, parallelism: 3, "])
def test_one_pod_has_the_name_of_its_job(spec: str, tmp_path: Path) -> None:
    pods, problems = load(job(spec), tmp_path)
    assert ([pod.name for pod in pods], problems) == (["work"], [])


def test_several_pods_take_turns(tmp_path: Path) -> None:
    pods, problems = load(job("completions: 3, parallelism: 2, activeDeadlineSeconds: 9, "), tmp_path)
    turns = Turns("work", 3, 2, is_queue=False, backoff_limit=6, deadline_sec=9)
    assert [(pod.name, pod.run) for pod in pods] == [(f"work-{it}", Run(6, None, False, (), turns)) for it in range(3)]
    assert problems == []


@pytest.mark.parametrize(
    ("spec", "turns"),
    [
        ("parallelism: 2, ", Turns("work", 2, 2, is_queue=True, backoff_limit=6, deadline_sec=None)),
        ("completions: 2, parallelism: 9, backoffLimit: 0, ", Turns("work", 2, 2, False, 0, None)),
        (
            "completions: 2, completionMode: Indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 0, ",
            Turns("work", 2, 1, False, 2**31 - 1, None, 1, 0),
        ),
        (
            "completions: 5, completionMode: Indexed, successPolicy: {rules: [{succeededIndexes: '0,2-4',"
            " succeededCount: 2}, {succeededIndexes: '1'}, {succeededCount: 3}]}, ",
            Turns(
                "work",
                5,
                1,
                False,
                6,
                None,
                success_rules=(SuccessRule((0, 2, 3, 4), 2), SuccessRule((1,), 1), SuccessRule(None, 3)),
            ),
        ),
    ],
)
def test_what_a_job_says_of_the_turns(spec: str, turns: Turns, tmp_path: Path) -> None:
    pods, problems = load(job(spec), tmp_path)
    assert (pods[0].run and pods[0].run.turns, problems) == (turns, [])


def test_an_index_is_told_to_each_pod(tmp_path: Path) -> None:
    spec = "completions: 3, parallelism: 3, completionMode: Indexed, "
    fields = "{name: A, value: b}], args: [$(JOB_COMPLETION_INDEX)"
    pods, problems = load(job(spec, env=fields), tmp_path)
    assert problems == []
    assert [(pod.name, pod.hostname, pod.labels[-1][1]) for pod in pods] == [
        (f"work-{index}", f"work-{index}", str(index)) for index in range(3)
    ]
    assert [(variable.name, variable.value) for variable in pods[2].containers[0].env] == [
        ("A", "b"),
        ("JOB_COMPLETION_INDEX", "2"),
    ]
    assert pods[2].containers[0].args == ("2",)


def test_a_variable_of_ones_own_keeps_its_value(tmp_path: Path) -> None:
    spec = "completions: 1, completionMode: Indexed, "
    (pod,), _ = load(job(spec, env="{name: JOB_COMPLETION_INDEX, value: '9'}"), tmp_path)
    assert [(variable.name, variable.value) for variable in pod.containers[0].env] == [("JOB_COMPLETION_INDEX", "9")]


def test_one_pod_of_an_indexed_job_has_an_index_too(tmp_path: Path) -> None:
    pods, _ = load(job("completions: 1, completionMode: Indexed, "), tmp_path)
    assert [pod.name for pod in pods] == ["work-0"]


def test_the_name_of_a_host_has_room_for_the_index(tmp_path: Path) -> None:
    spec = "completions: 11, parallelism: 11, completionMode: Indexed, "
    assert load(job(spec, name="a" * 60), tmp_path)[1] == []
    assert load(job(spec, name="a" * 61), tmp_path)[1] == [
        "with an index 64 characters, at most 63 are allowed for a host"
    ]


@pytest.mark.parametrize(
    ("spec", "schedule"),
    [
        ("concurrencyPolicy: Forbid", Schedule(("*-*-* 03:00:00",), False, None, False)),
        ("concurrencyPolicy: Replace", Schedule(("*-*-* 03:00:00",), True, None, False)),
        ("concurrencyPolicy: Forbid, suspend: true", Schedule(("*-*-* 03:00:00",), False, None, True)),
        ("concurrencyPolicy: Forbid, timeZone: Etc/UTC", Schedule(("*-*-* 03:00:00 Etc/UTC",), False, None, False)),
        ("concurrencyPolicy: Forbid, timeZone: null", Schedule(("*-*-* 03:00:00",), False, None, False)),
    ],
)
def test_a_cron_job_is_a_pod_with_a_schedule(spec: str, schedule: Schedule, tmp_path: Path) -> None:
    (pod,), problems = load(cron_job(spec), tmp_path)
    assert (pod.name, pod.schedule, pod.run, problems) == ("work", schedule, Run(6, None, False), [])


def test_a_deadline_for_the_start(tmp_path: Path) -> None:
    (pod,), problems = load(cron_job("concurrencyPolicy: Forbid, startingDeadlineSeconds: 60"), tmp_path)
    assert (pod.schedule, problems) == (Schedule(("*-*-* 03:00:00",), False, 60, False), [])
    (pod,), (message,) = load(cron_job("concurrencyPolicy: Forbid, startingDeadlineSeconds: 9"), tmp_path)
    assert pod.schedule == Schedule(("*-*-* 03:00:00",), False, 9, False)
    assert message.startswith("less than 10")


def test_runs_do_not_overlap_which_is_said(tmp_path: Path) -> None:
    (pod,), (message,) = load(cron_job("suspend: false"), tmp_path)
    assert pod.schedule == Schedule(("*-*-* 03:00:00",), False, None, False)
    assert message == "'concurrencyPolicy' is missing: runs would overlap, which they do not here"
    pods, (message,) = load(cron_job("concurrencyPolicy: Allow"), tmp_path)
    assert pods == ()
    assert message.startswith("'Allow' is not supported")


@pytest.mark.parametrize(
    ("text", "boots", "boot_unit", "suspended", "runs_once"),
    [
        (job(), False, "pod@work.service", False, True),
        (job("suspend: true, "), False, "pod@work.service", True, True),
        (cron_job(), True, "cronjob@work.timer", False, True),
        (cron_job("concurrencyPolicy: Replace, suspend: true"), False, "cronjob@work.timer", True, True),
    ],
)
def test_what_was_installed_is_known_from_the_files(
    text: str, boots: bool, boot_unit: str, suspended: bool, runs_once: bool, tmp_path: Path
) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(text, encoding="utf-8")
    workload = load_files([str(file)], Report())
    assert workload
    texts = {unit.name: render(unit) for unit in generate(workload, Scope.SYSTEM, OLDEST)}
    pod = list_pods(texts)["work"]
    assert dict(pod.texts) == texts
    assert (pod.boots, pod.boot_unit, pod.suspended, pod.runs_once) == (
        boots,
        boot_unit,
        suspended,
        runs_once,
    )
