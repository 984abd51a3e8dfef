"""What `podunit.description` promises, and how it is printed. systemd is played by a table, the journal by entries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from podunit.cli import describing
from podunit.description import Description, describe_pod
from podunit.manager import Manager
from podunit.names import container_unit, pod_unit, slice_unit
from podunit.prober.states import Kind, Known, Last, write_state
from podunit.scope import Scope
from podunit.state import StateFolder
from tests.journalctl import Journalctl
from tests.test_history import systemd
from tests.test_states import FakeManager, make_pod

_INFINITY = 2**64 - 1
_RUNS: Mapping[str, Any] = {
    "ActiveState": "active",
    "SubState": "running",
    "StateChangeTimestamp": 1_764_000_000_000_000,
}
_HANDLE: Mapping[str, Any] = {
    **_RUNS,
    "SubState": "exited",
    "UnitFileState": "enabled",
    "FragmentPath": "/units/pod@web.service",
    "DropInPaths": ["/etc/pod@web.service.d/override.conf"],
}
_LIMITED: Mapping[str, Any] = {
    **_RUNS,
    "MemoryMax": 67108864,
    "MemoryHigh": _INFINITY,
    "MemoryLow": 0,
    "CPUQuotaPerSecUSec": 500_000,
    "CPUWeight": _INFINITY,
    "TasksMax": 4915,
}


class _Manager(FakeManager):
    async def get_control_group(self) -> str:
        return ""

    async def get_properties(self, unit: str, *_: str) -> Mapping[str, Any]:
        (found,) = await self.get_all_properties([unit])
        return found

    async def get_all_properties(self, units: Any, *interfaces: str) -> tuple[Mapping[str, Any], ...]:
        found = await super().get_all_properties(units, *interfaces)
        return tuple({"DropInPaths": [], "SubState": "dead", **own} for own in found)


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Known:
    """What the prober has written about container `a`."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / "podunit-probes/web.a"
    folder.mkdir(parents=True)
    found = Known("1-2", True, True, "", {Kind.READINESS: Last(True, "HTTP 200", 1_764_000_000.5, 0, 3)})
    write_state(folder, found)
    return found


def describe(
    place: str = "/srv/web.yaml:3:1", *, folder: Path = Path("/nowhere"), keeps_message: bool = False
) -> Description:
    units = {pod_unit("web"): _HANDLE, container_unit("web", "a"): _LIMITED, slice_unit("web"): _RUNS}
    manager = cast(Manager, _Manager(units))
    made = make_pod("a", ends=False)
    pod = replace(made, containers=tuple(replace(it, keeps_message=keeps_message) for it in made.containers))
    return asyncio.run(describe_pod(manager, pod, place, Scope.USER, StateFolder(folder)))


def test_all_of_a_pod_is_told(journalctl: Journalctl, known: Known, capsys: pytest.CaptureFixture[str]) -> None:
    unit = container_unit("web", "a")
    journalctl.answer({**systemd("started"), "USER_UNIT": unit})
    found = describe()
    assert found.probes == {"a": known}
    document = found.describe()
    assert json.loads(json.dumps(document)) == document
    assert (document["spec"], document["phase"], document["ready"]) == ("/srv/web.yaml:3:1", "running", "1/1")
    containers = cast("list[dict[str, Any]]", document["containers"])
    assert containers[0]["limits"] == {"MemoryMax": 67108864, "CPUQuotaPerSecUSec": 500_000, "TasksMax": 4915}
    assert containers[0]["usage"]["memory_bytes"] is None
    result = {"success": True, "message": "HTTP 200", "at": "2025-11-24T16:00:00Z", "failures": 0, "successes": 3}
    assert containers[0]["probes"] == {"started": True, "ready": True, "readiness": result}
    describing._print(found)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "pod web: active (exited) since 2025-11-24T16:00:00Z"
    assert "  spec: /srv/web.yaml:3:1" in lines
    assert "  limits: MemoryMax 64.0M, CPUQuota 50%, TasksMax 4915" in lines
    assert "  readiness probe: succeeded: HTTP 200 (3 in a row, 2025-11-24T16:00:00Z)" in lines
    assert any(line.startswith("pod@web.service ") and line.endswith("override.conf") for line in lines)
    assert lines[-1].split()[1:4] == ["Normal", "Started", "container/web.a"]


def test_without_a_journal_or_a_file_it_says_so(
    journalctl: Journalctl, known: Known, capsys: pytest.CaptureFixture[str]
) -> None:
    assert known
    journalctl.answer(stderr="no permission", status=1)
    found = describe("")
    assert found.describe()["events"] is None
    describing._print(found)
    lines = capsys.readouterr().out.splitlines()
    assert "  spec: not from a file that is known here" in lines
    assert lines[-1] == "events: the journal cannot be read"


def test_only_the_last_events_are_told(journalctl: Journalctl, known: Known) -> None:
    assert known
    unit = container_unit("web", "a")
    journalctl.answer(*({**systemd("started"), "USER_UNIT": unit} for _ in range(12)))
    events = describe().events
    assert events
    assert len(events) == 10


def test_the_message_of_the_last_end_is_told(
    journalctl: Journalctl, known: Known, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert known
    journalctl.answer()
    file = tmp_path / "ends/web/a/last"
    file.parent.mkdir(parents=True)
    assert describe(folder=tmp_path, keeps_message=True).messages == {}
    file.write_bytes(b"no \x1b[31mroom\nleft \xff")
    # One that was left by a container that had the fields once.
    assert describe(folder=tmp_path).messages == {}
    found = describe(folder=tmp_path, keeps_message=True)
    (container,) = cast("list[dict[str, Any]]", found.describe()["containers"])
    assert container["terminationMessage"] == "no \x1b[31mroom\nleft \ufffd"
    describing._print(found)
    printed = capsys.readouterr().out
    assert "  message of the last end: no \\x1b[31mroom\n    left \ufffd\n" in printed
    file.unlink()
    file.mkdir()
    found = describe(folder=tmp_path, keeps_message=True)
    assert found.messages == {"a": None}
    describing._print(found)
    assert "  message of the last end: cannot be read by this user\n" in capsys.readouterr().out
