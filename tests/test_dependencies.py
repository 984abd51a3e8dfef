"""What `podunit.dependencies` promises: who depends on whom is checked before anything changes, and followed."""

from __future__ import annotations

import pytest

from podunit.dependencies import check_dependencies, find_dependents, refuse_dependencies
from podunit.errors import PodunitError
from podunit.installed import InstalledPod, list_pods
from podunit.model import Pod
from podunit.report import Report
from podunit.workload import Workload
from tests.sound_pods import read_sound_pod

_POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: {}
  annotations: {{podunit/depends-on: {!r}, podunit/boot: "true"}}
spec: {{containers: [{{name: a, image: a}}]}}
"""


def make(name: str, needs: str) -> Pod:
    return read_sound_pod(
        _POD.format(name, needs) if needs else _POD.replace("podunit/depends-on: {!r},", "").format(name)
    )


def install(name: str, needs: str = "", *, runs_once: bool = False) -> InstalledPod:
    requires = f"Requires={' '.join(f'pod@{need}.service' for need in needs.split())}\n" if needs else ""
    text = f"[Unit]\nRequires=mnt.mount\n{requires}\n[X-Podunit]\n{'Runs=once' if runs_once else 'Boot=yes'}\n"
    return list_pods({f"pod@{name}.service": text})[name]


def check(*pods: Pod, more: bool = True) -> list[str]:
    report = Report()
    check_dependencies(Workload(pods), report, more=more)
    return [problem.message for problem in report.problems]


def test_pods_of_one_command_may_depend_on_each_other_in_any_order() -> None:
    assert check(make("web", "db cache"), make("cache", "db"), make("db", "")) == []


def test_one_that_is_elsewhere_is_a_warning_if_nobody_looks_later() -> None:
    pods = (make("web", "db"), make("dbs", ""))
    report = Report()
    check_dependencies(Workload(pods), report, more=True)
    (problem,) = report.problems
    assert (problem.message, problem.hint) == ("there is no pod 'db' in these files", "did you mean 'dbs'?")
    assert not report.failed
    assert check(*pods, more=False) == []


def test_names_are_split_by_commas_and_blanks_and_count_once() -> None:
    assert [it.pod for it in make("web", "db,cache,  db a.b").requirements] == ["db", "cache", "a.b"]


@pytest.mark.parametrize(
    ("pods", "before", "message", "hint"),
    [
        ([("web", "db")], [], "there is no pod 'db'", "name its file as well, or apply it before"),
        ([("web", "db")], [("dbs", "")], "there is no pod 'db'", "did you mean 'dbs'?"),
        (
            [("db", "web")],
            [("web", "cache"), ("cache", "db")],
            "pod 'db' depends on itself by way of 'web', 'cache': neither would start",
            "one of them has to start without the other",
        ),
    ],
)
def test_an_apply_refuses(pods: list[tuple[str, str]], before: list[tuple[str, str]], message: str, hint: str) -> None:
    with pytest.raises(PodunitError) as caught:
        refuse_dependencies([make(*pod) for pod in pods], {name: install(name, needs) for name, needs in before})
    assert caught.value.message == f"pod.yaml:5:37: metadata.annotations['podunit/depends-on']: {message}"
    assert caught.value.hint == hint


def test_an_apply_refuses_to_wait_for_a_job() -> None:
    with pytest.raises(PodunitError, match="pod 'job' runs to its end"):
        refuse_dependencies([make("web", "job")], {"job": install("job", runs_once=True)})


def test_what_is_applied_counts_and_not_what_was_there() -> None:
    before = {"web": install("web", "db"), "db": install("db", "web")}
    refuse_dependencies([make("web", "db"), make("db", "")], before)
    # A cycle of others is not this command's.
    refuse_dependencies([make("new", "web")], before)


def test_dependents_follow_by_way_of_others() -> None:
    pods = {"db": install("db"), "web": install("web", "cache db"), "cache": install("cache", "db"), "x": install("x")}
    assert find_dependents(["db"], pods) == {"web": "db", "cache": "db"}
    assert find_dependents(["cache"], pods) == {"web": "cache"}
    assert find_dependents(["cache", "web"], pods) == {}
    assert find_dependents([], pods) == {}
