"""What `podunit.states` promises of pods as a whole: their phase, how many are ready, what is told as JSON.

systemd is played by a table of properties, and the journal by recorded entries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from podunit.cli.output import format_exit
from podunit.history import Exit
from podunit.installed import InstalledContainer, InstalledPod
from podunit.manager import Manager, UnitState
from podunit.names import container_unit, pod_unit
from podunit.scope import Scope
from podunit.states import Phase, PodSummary, get_active_states, get_summaries
from tests.journalctl import Journalctl
from tests.test_history import died, systemd

# What systemd says of a unit that it has just loaded.
_FORGOTTEN: Mapping[str, Any] = {
    "ActiveState": "inactive",
    "SubState": "dead",
    "Result": "success",
    "NRestarts": 0,
    "MainPID": 0,
    "ControlGroup": "",
    "StateChangeTimestamp": 0,
    "ActiveEnterTimestamp": 0,
    "ActiveExitTimestamp": 0,
}
_RUNS: Mapping[str, Any] = {"ActiveState": "active", "SubState": "running", "MainPID": 7, "StateChangeTimestamp": 1}


class FakeManager:
    """A systemd that knows these units; all others it has forgotten."""

    def __init__(self, units: Mapping[str, Mapping[str, Any]]) -> None:
        self._units = units

    async def get_all_properties(self, units: Iterable[str], *_: str) -> tuple[Mapping[str, Any], ...]:
        return tuple({**_FORGOTTEN, **self._units.get(unit, {})} for unit in units)

    async def list_units_by_patterns(self, _: Iterable[str]) -> tuple[UnitState, ...]:
        states = {unit: {**_FORGOTTEN, **own} for unit, own in self._units.items()}
        return tuple(
            UnitState(unit, "loaded", own["ActiveState"], own["SubState"], own.get("JobType", ""))
            for unit, own in states.items()
        )


def make_pod(*containers: str, ends: bool) -> InstalledPod:
    """A pod `web`; a container `(i)` is an init container."""
    made = [
        InstalledContainer(
            "web",
            (name := text.strip("()")),
            container_unit("web", name),
            "i",
            name != text,
            (),
            ends and name == text,
            probed=True,
        )
        for text in containers
    ]
    return InstalledPod("web", {}, tuple(made))


def summarize(pod: InstalledPod, units: Mapping[str, Mapping[str, Any]]) -> PodSummary:
    manager = cast(Manager, FakeManager(units))
    (summary,) = asyncio.run(get_summaries(manager, [pod], Scope.USER))
    return summary


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the prober writes what it knows."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "podunit-probes"


def entries(container: str, status: int, *, asked: bool = False) -> list[dict[str, object]]:
    """A run and its end."""
    unit = container_unit("web", container)
    steps = [systemd("starting", unit), *([systemd("stopping", unit)] if asked else [])]
    steps += [died(status, f"web.{container}"), systemd("failed" if status else "done", unit)]
    return [{**step, "USER_UNIT": unit} for step in steps]


@pytest.mark.parametrize(
    ("active", "phase"),
    [
        ("active", Phase.RUNNING),
        ("activating", Phase.STARTING),
        ("deactivating", Phase.STOPPING),
        ("failed", Phase.FAILED),
        ("inactive", Phase.STOPPED),
    ],
)
def test_the_phase_follows_the_handle(active: str, phase: Phase, journalctl: Journalctl) -> None:
    journalctl.answer()
    assert summarize(make_pod("a", ends=True), {pod_unit("web"): {"ActiveState": active}}).phase is phase


@pytest.mark.parametrize(
    ("ends", "statuses", "asked", "phase"),
    [
        (True, (0, 0), False, Phase.SUCCEEDED),
        (True, (0, 3), False, Phase.STOPPED),
        (True, (0, 0), True, Phase.STOPPED),
        (False, (0, 0), False, Phase.STOPPED),
    ],
    ids=["done", "one stopped while it failed", "stopped", "Always"],
)
def test_a_pod_has_succeeded_when_all_its_containers_have(
    ends: bool, statuses: tuple[int, int], asked: bool, phase: Phase, journalctl: Journalctl
) -> None:
    journalctl.answer(*entries("a", statuses[0]), *entries("b", statuses[1], asked=asked))
    summary = summarize(make_pod("(i)", "a", "b", ends=ends), {})
    assert summary.phase is phase
    assert [one.last_exit and one.last_exit.status for one in summary.containers] == [None, *statuses]


def test_of_what_has_never_run_nothing_is_told(journalctl: Journalctl) -> None:
    journalctl.answer()
    summary = summarize(make_pod("a", ends=True), {})
    assert (summary.phase, summary.ready) == (Phase.STOPPED, "0/1")
    assert summary.containers[0].describe()["last_exit"] is None


def test_who_runs_and_was_never_restarted_is_no_question_for_the_journal(journalctl: Journalctl) -> None:
    runs = {container_unit("web", "a"): _RUNS, pod_unit("web"): _RUNS}
    assert summarize(make_pod("a", ends=False), runs).ready == "1/1"
    assert not journalctl.was_called


def test_restarts_are_systemds_while_it_knows_them(journalctl: Journalctl) -> None:
    unit = container_unit("web", "a")
    journalctl.answer(*entries("a", 137))
    known = {**_RUNS, "NRestarts": 4, "ActiveEnterTimestamp": 1, "ActiveExitTimestamp": 1_764_000_100_000_000}
    (state,) = summarize(make_pod("a", ends=False), {unit: known}).containers
    assert state.restarts == 4
    assert state.last_exit
    described = state.describe()["last_exit"]
    assert isinstance(described, dict)
    assert {**described, "at": ""} == {
        "status": 137,
        "signal": "SIGKILL",
        "oom_killed": False,
        "reason": "Error",
        "at": "",
    }
    # Not the whole boot: a minute before the last end.
    assert "--since=@1764000040" in journalctl.calls[0]


def test_ready_is_what_the_probes_say(runtime_folder: Path) -> None:
    units = {container_unit("web", name): _RUNS for name in ("a", "b", "c")}
    for name, text in (
        ("web.b", '{"registration": "", "started": true, "ready": false}'),
        ("web.c", '{"registration": "", "started": true, "ready": true}'),
    ):
        (runtime_folder / name).mkdir(parents=True)
        (runtime_folder / name / "state.json").write_text(text, encoding="utf-8")
    summary = summarize(make_pod("a", "b", "c", ends=False), {**units, pod_unit("web"): _RUNS})
    assert [one.ready for one in summary.containers] == [True, False, True]
    assert summary.describe() == {"pod": "web", "owner": "", "active": "active", "phase": "running", "ready": "2/3"}


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (None, "-"),
        (Exit(0, 1_764_000_000_000_000), "0 2025-11-24T16:00:00Z"),
        (Exit(3, 1_764_000_000_000_000), "3 2025-11-24T16:00:00Z"),
        (Exit(137, 1_764_000_000_000_000), "137 (SIGKILL) 2025-11-24T16:00:00Z"),
        (Exit(137, 1_764_000_000_000_000, oom_killed=True), "137 (OOMKilled) 2025-11-24T16:00:00Z"),
    ],
)
def test_an_exit_is_one_cell_of_a_table(last: Exit | None, text: str) -> None:
    assert format_exit(last) == text


@pytest.mark.parametrize(
    ("state", "job", "told"),
    [
        ("inactive", "", "inactive"),
        ("inactive", "start", "activating"),
        ("deactivating", "restart", "activating"),
        ("failed", "start", "activating"),
        ("deactivating", "stop", "deactivating"),
        ("active", "stop", "active"),
        ("active", "restart", "active"),
    ],
)
def test_what_is_about_to_start_is_not_stopped(state: str, job: str, told: str) -> None:
    manager = cast(Manager, FakeManager({"pod@web.service": {"ActiveState": state, "JobType": job}}))
    assert asyncio.run(get_active_states(manager))["pod@web.service"] == told
