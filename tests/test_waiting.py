"""What `podunit.waiting` promises: a verdict as soon as there can be one, and what is left after its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from podunit.condition import Condition
from podunit.installed import InstalledPod
from podunit.manager import Manager
from podunit.names import again_unit, container_unit, pod_unit, timer_unit
from podunit.scope import Scope
from podunit.states import ContainerState, Phase, PodSummary
from podunit.waiting import judge, wait_for
from tests.journalctl import Journalctl
from tests.test_states import FakeManager, make_pod

_Table = dict[str, Mapping[str, Any]]
_ENDING, _LASTING = make_pod("(i)", "a", ends=True), make_pod("(i)", "a", ends=False)


def summary(phase: Phase, *, active: str = "inactive", ready: bool = False) -> PodSummary:
    def state(name: str, *, init: bool) -> ContainerState:
        unit = container_unit("web", name)
        return ContainerState("web", name, init, unit, active, "", "", ready and not init, 0, 0, "", "", "", None)

    return PodSummary("web", "", "", phase, (state("i", init=True), state("a", init=False)))


@pytest.mark.parametrize(
    ("condition", "found", "ending", "lasting"),
    [
        (Condition.READY, summary(Phase.RUNNING, active="active", ready=True), True, True),
        (Condition.READY, summary(Phase.RUNNING, active="active"), None, None),
        # The containers run before the pod is up.
        (Condition.READY, summary(Phase.STARTING, active="active", ready=True), None, None),
        (Condition.READY, summary(Phase.STOPPED), None, None),
        (Condition.READY, summary(Phase.FAILED), False, None),
        (Condition.READY, summary(Phase.SUCCEEDED), False, None),
        (Condition.STOPPED, summary(Phase.STOPPED), True, True),
        (Condition.STOPPED, summary(Phase.SUCCEEDED), True, True),
        (Condition.STOPPED, summary(Phase.FAILED), True, True),
        (Condition.STOPPED, summary(Phase.FAILED, active="activating"), None, None),
        (Condition.STOPPED, summary(Phase.STOPPING), None, None),
        (Condition.SUCCEEDED, summary(Phase.SUCCEEDED), True, True),
        (Condition.SUCCEEDED, summary(Phase.FAILED), False, False),
        (Condition.SUCCEEDED, summary(Phase.RUNNING), None, False),
        (Condition.SUCCEEDED, summary(Phase.STOPPED), None, False),
        (Condition.FAILED, summary(Phase.FAILED), True, True),
        (Condition.FAILED, summary(Phase.SUCCEEDED), False, None),
        (Condition.FAILED, summary(Phase.RUNNING), None, None),
    ],
)
def test_a_verdict(condition: Condition, found: PodSummary, ending: bool | None, lasting: bool | None) -> None:
    assert judge(_ENDING, found, condition, comes_again=False) is ending
    assert judge(_LASTING, found, condition, comes_again=False) is lasting


@pytest.mark.parametrize("condition", Condition)
def test_what_is_tried_again_has_not_failed_yet(condition: Condition) -> None:
    assert judge(_ENDING, summary(Phase.FAILED), condition, comes_again=True) is None


def test_what_a_timer_starts_may_succeed_next_time() -> None:
    pod = replace(_ENDING, texts={timer_unit("web"): ""})
    assert judge(pod, summary(Phase.FAILED), Condition.SUCCEEDED, comes_again=False) is None
    assert judge(pod, summary(Phase.FAILED), Condition.FAILED, comes_again=False) is True


class ChangingManager(FakeManager):
    """A systemd whose units become these, one table after the other, at each change."""

    def __init__(self, *tables: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(tables[0])
        self._tables = list(tables[1:])
        self.watched: set[str] = set()

    async def watch(self, units: Iterable[str]) -> None:
        self.watched |= {*units}

    async def wait_for_change(self, timeout_sec: float) -> None:
        if self._tables:
            self._units = self._tables.pop(0)
        else:
            await asyncio.sleep(timeout_sec)


def wait(manager: ChangingManager, pod: InstalledPod, condition: Condition, timeout_sec: float) -> list[bool]:
    """What is told; the pod's name stands for a verdict that did not come in time."""
    told: list[bool] = []
    found = wait_for(
        cast(Manager, manager), [pod], condition, Scope.SYSTEM, timeout_sec, lambda _, met: told.append(met)
    )
    left = asyncio.run(found)
    assert [one.pod for one in left] == ([] if told else ["web"])
    return told


_UP = {"ActiveState": "active", "StateChangeTimestamp": 1}


def test_a_change_is_looked_at(journalctl: Journalctl) -> None:
    for _ in range(2):
        journalctl.answer()
    up = {pod_unit("web"): _UP, container_unit("web", "a"): _UP, container_unit("web", "i"): _UP}
    manager = ChangingManager({}, {pod_unit("web"): {**_UP, "ActiveState": "activating"}}, up)
    assert wait(manager, _LASTING, Condition.READY, 60) == [True]
    assert {pod_unit("web"), container_unit("web", "a"), again_unit("web")} <= manager.watched


def test_without_time_there_is_one_look(journalctl: Journalctl) -> None:
    journalctl.answer()
    assert wait(ChangingManager({}), _LASTING, Condition.STOPPED, 0) == [True]
    journalctl.answer()
    assert wait(ChangingManager({}), _LASTING, Condition.READY, 0) == []


def test_it_ends_in_time(journalctl: Journalctl) -> None:
    for _ in range(2):
        journalctl.answer()
    begun = time.monotonic()
    assert wait(ChangingManager({}), _LASTING, Condition.READY, 0.2) == []
    assert time.monotonic() - begun < 10


def test_a_job_that_is_tried_again_is_waited_for(journalctl: Journalctl) -> None:
    for _ in range(2):
        journalctl.answer()
    failed: _Table = {pod_unit("web"): {"ActiveState": "failed", "StateChangeTimestamp": 1}}
    again: _Table = {**failed, again_unit("web"): {"ActiveState": "activating", "Job": (0, "/")}}
    pod = replace(_ENDING, texts={again_unit("web"): ""})
    waiting: _Table = {**failed, again_unit("web"): {"Job": (7, "/org/freedesktop/systemd1/job/7")}}
    done: _Table = {**failed, again_unit("web"): {"ActiveState": "failed", "Job": (0, "/")}}
    journalctl.answer()
    assert wait(ChangingManager(waiting, again, done), pod, Condition.FAILED, 60) == [True]
