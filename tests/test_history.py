"""What `podunit.history` promises: how often a container was restarted and how it ended, by the journal's entries."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from podunit.history import Exit, Failure, Kind, Past, list_matches, read_failures, read_happening, read_pasts
from podunit.scope import Scope
from tests.journalctl import Journalctl

_UNIT = "container@web.main.service"
_IDS = {
    "starting": "7d4958e842da4a758f6c1cdc7b36dcc5",
    "started": "39f53479d3a045ac8e11786248231fbf",
    "stopping": "de5b426a63be47a7b6ac3eaac82e2f6f",
    "stopped": "9d1aaa27d60140bd96365438aad20286",
    "exited": "98e322203f7a4ed290d09fe03c09fe15",
    "done": "7ad2d189f7e94e70a38c781354912448",
    "failed": "d9b373ed55a64feb8242e02dbe79a49c",
    "restart": "5eb03494b6584870a536b337290809b3",
    "oom": "fe6faa94e7774663a0da52717891d8ef",
}
_SECONDS = itertools.count(1_764_000_000)


def systemd(kind: str, unit: str = _UNIT, **fields: object) -> dict[str, object]:
    """A message of systemd about a unit, as `journalctl --output=json` prints it."""
    at = f"{next(_SECONDS)}000000"
    return {"__REALTIME_TIMESTAMP": at, "_SYSTEMD_UNIT": "init.scope", "UNIT": unit, "MESSAGE_ID": _IDS[kind], **fields}


def died(status: int | None, name: str = "web.main") -> dict[str, object]:
    """podman's event that a container has ended; podman 4 tells no status 0."""
    entry = {"__REALTIME_TIMESTAMP": f"{next(_SECONDS)}000000", "PODMAN_EVENT": "died"}
    return {**entry, "PODMAN_NAME": name, **({} if status is None else {"PODMAN_EXIT_CODE": str(status)})}


def exited(status: int, command: str = "ExecStart", code: str = "exited") -> dict[str, object]:
    return systemd("exited", COMMAND=command, EXIT_CODE=code, EXIT_STATUS=str(status))


def read(journalctl: Journalctl, *entries: dict[str, object]) -> Past:
    journalctl.answer(*entries)
    return read_pasts([_UNIT], Scope.SYSTEM)[_UNIT]


def at_usec(entry: dict[str, object]) -> int:
    return int(str(entry["__REALTIME_TIMESTAMP"]))


def test_a_container_that_runs_has_no_past(journalctl: Journalctl) -> None:
    assert read(journalctl, systemd("starting"), systemd("started")) == Past()


@pytest.mark.parametrize("status", [0, None])
def test_a_good_end_is_known_by_podmans_event(status: int | None, journalctl: Journalctl) -> None:
    end = died(status)
    past = read(journalctl, systemd("starting"), systemd("started"), end, systemd("done"))
    assert past == Past(0, Exit(0, at_usec(end)))
    assert past.last_exit
    assert (past.last_exit.signal, past.last_exit.reason) == ("", "Completed")


def test_a_good_end_is_known_without_podmans_events(journalctl: Journalctl) -> None:
    end = systemd("done")
    assert read(journalctl, systemd("starting"), systemd("started"), end) == Past(0, Exit(0, at_usec(end)))


def test_a_restart_is_counted_and_the_end_before_it_stays(journalctl: Journalctl) -> None:
    end = exited(3)
    restart = systemd("restart", N_RESTARTS="2")
    run = (systemd("starting"), systemd("started"))
    past = read(journalctl, *run, died(3), end, systemd("failed"), restart, systemd("stopped"), *run)
    assert past == Past(2, Exit(3, at_usec(end)))
    assert past.last_exit
    assert past.last_exit.reason == "Error"


def test_a_start_by_somebody_begins_anew(journalctl: Journalctl) -> None:
    run = (systemd("starting"), systemd("started"))
    ended = (exited(3), systemd("failed"), systemd("restart", N_RESTARTS="1"))
    assert read(journalctl, *run, *ended, *run, systemd("stopping"), systemd("done"), *run) == Past()


@pytest.mark.parametrize(("status", "name"), [(137, "SIGKILL"), (143, "SIGTERM"), (255, ""), (3, ""), (128, "")])
def test_a_status_above_128_is_a_signals(status: int, name: str, journalctl: Journalctl) -> None:
    # 137 and 143 count as successes for systemd, and only the process that it runs for the stop tells otherwise.
    end = died(status)
    last = read(journalctl, systemd("starting"), end, exited(1, "ExecStop"), systemd("failed")).last_exit
    assert last == Exit(status, at_usec(end))
    assert last.signal == name


def test_the_monitor_itself_may_be_killed(journalctl: Journalctl) -> None:
    last = read(journalctl, systemd("starting"), exited(9, code="killed"), systemd("failed")).last_exit
    assert last
    assert (last.status, last.signal) == (137, "SIGKILL")


@pytest.mark.parametrize(("status", "killed"), [(137, True), (3, False)])
def test_the_kernel_killed_the_container_or_another_process(status: int, killed: bool, journalctl: Journalctl) -> None:
    last = read(journalctl, systemd("starting"), systemd("oom"), died(status), systemd("failed")).last_exit
    assert last
    assert (last.oom_killed, last.reason) == (killed, "OOMKilled" if killed else "Error")


def test_a_kill_of_an_earlier_run_is_none_of_the_next(journalctl: Journalctl) -> None:
    again = (systemd("failed"), systemd("restart", N_RESTARTS="1"), systemd("starting"))
    last = read(journalctl, systemd("starting"), systemd("oom"), died(137), *again, died(137), systemd("failed"))
    assert last.last_exit
    assert not last.last_exit.oom_killed


def test_somebody_stopped_it(journalctl: Journalctl) -> None:
    last = read(journalctl, systemd("starting"), systemd("stopping"), died(0), systemd("done")).last_exit
    assert last
    assert last.asked


def test_what_fails_before_it_runs_has_no_end(journalctl: Journalctl) -> None:
    assert read(journalctl, systemd("starting"), exited(1, "ExecStartPre"), systemd("failed")) == Past()


def test_another_container_is_not_the_units(journalctl: Journalctl) -> None:
    assert read(journalctl, systemd("starting"), died(3, "inner"), died(4, "web.other"), systemd("started")) == Past()


def test_all_units_are_read_at_once(journalctl: Journalctl) -> None:
    other = "container@web.other.service"
    journalctl.answer(systemd("starting", other), systemd("starting"), systemd("done", other))
    found = read_pasts([_UNIT, other], Scope.SYSTEM, 1_764_000_000_999_999)
    assert {unit: past.last_exit is None for unit, past in found.items()} == {_UNIT: True, other: False}
    (call,) = journalctl.calls
    assert {"--boot", "--since=@1764000000", f"UNIT={_UNIT}", "PODMAN_NAME=web.other"} <= set(call)
    # Whose unit wrote it the journal may not know, but always who.
    assert call[call.index("+") + 1 :] == [
        "PODMAN_NAME=web.main",
        "PODMAN_NAME=web.other",
        "PODMAN_EVENT=died",
        "_UID=0",
    ]


def test_a_users_units_have_fields_of_their_own() -> None:
    entry = {**systemd("started"), "USER_UNIT": _UNIT}
    found = [read_happening(one, Scope.USER) for one in (entry, died(3))]
    assert [(one.unit, one.kind) for one in found if one] == [(_UNIT, Kind.STARTED), (_UNIT, Kind.ENDED)]
    of_systemd, of_podman = list_matches([_UNIT], Scope.USER)
    assert {f"USER_UNIT={_UNIT}", f"_UID={os.getuid()}"} <= set(of_systemd)
    assert of_podman == ["PODMAN_NAME=web.main", "PODMAN_EVENT=died", f"_UID={os.getuid()}"]


def test_only_systemd_itself_is_believed() -> None:
    assert "_PID=1" in list_matches([_UNIT], Scope.SYSTEM)[0]


def test_without_a_journal_nothing_is_known(
    journalctl: Journalctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journalctl.answer(stderr="No journal files were opened due to insufficient permissions.", status=1)
    assert read_pasts([_UNIT], Scope.SYSTEM) == {}
    monkeypatch.setenv("PATH", f"{tmp_path}/empty")
    assert read_pasts([_UNIT], Scope.SYSTEM) == {}


def test_of_no_unit_nobody_asks(journalctl: Journalctl) -> None:
    assert read_pasts([], Scope.SYSTEM) == {}
    assert not journalctl.was_called


def test_a_failure_is_known_when_the_unit_is_tried_again(journalctl: Journalctl) -> None:
    starts = (systemd("starting"), systemd("starting"))
    failed = (exited(125), systemd("failed", UNIT_RESULT="exit-code"))
    journalctl.answer(starts[0], *failed, starts[1])
    assert read_failures([_UNIT], Scope.SYSTEM, at_usec(failed[1])) == {_UNIT: Failure("exit-code", 125)}
    # Of a run before that time, or of one without a process of its own.
    journalctl.answer(starts[0], *failed, starts[1])
    assert read_failures([_UNIT], Scope.SYSTEM, at_usec(failed[1]) + 1) == {}
    journalctl.answer(*failed[:1], starts[1], systemd("failed", UNIT_RESULT="resources"))
    assert read_failures([_UNIT], Scope.SYSTEM, 1) == {_UNIT: Failure("resources", None)}
