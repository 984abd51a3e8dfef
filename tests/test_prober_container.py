"""A container's probes over its life, by a clock that does not wait: when they are made, and what follows from them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from podunit.prober.series import Result
from podunit.prober.states import Kind, read_state
from podunit.probes import Exec, Probes
from tests.prober_world import Doer, Messages, probe, readable, register, run_warped, watched


@pytest.fixture
def messages(tmp_path: Path) -> Iterator[Messages]:
    found = Messages(tmp_path / "journal")
    yield found
    found.close()


def test_a_startup_probe_comes_first_and_ends_when_it_succeeds(tmp_path: Path, messages: Messages) -> None:
    probes = Probes(probe("up", period_sec=10, failure_threshold=9), probe("ready"), probe("alive", period_sec=7))
    directory = register(tmp_path, probes)
    doer = Doer(lambda name, now: name != "up" or now >= 20)

    async def live() -> None:
        with watched(directory, doer, messages.journal) as container:
            await asyncio.sleep(15)
            assert not container.started
            assert not container.ready
            assert {name for name, _ in doer.made} == {"up"}
            assert not readable(directory / "started")
            await asyncio.sleep(6)
            assert container.started
            assert container.ready
            assert readable(directory / "started")
            assert readable(directory / "ready")
            await asyncio.sleep(20)

    run_warped(live())
    # Looked at ever more rarely until the second check is due, and never again after the first success.
    assert doer.times("up") == [0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 10, 20]
    assert doer.times("ready") == [20, 30, 40]
    assert doer.times("alive") == [20, 27, 34, 41][: len(doer.times("alive"))]
    assert messages.lines() == ["web.main: started", "web.main: ready"]


def test_looks_between_the_first_checks_count_only_if_they_succeed(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(startup=probe("up", period_sec=5, failure_threshold=3)))
    doer = Doer(lambda *_: False)

    async def live() -> None:
        with watched(directory, doer, messages.journal):
            await asyncio.sleep(9.9)
            assert doer.stops == []
            await asyncio.sleep(1)
            assert doer.stops == [30]

    run_warped(live())
    assert messages.lines() == ["web.main: startup probe failed 3 times: at 10; stopping the container"]


def test_readiness_is_lost_and_found_and_its_gate_with_it(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(readiness=probe("ready", success_threshold=2, failure_threshold=2)))
    doer = Doer(lambda _, now: not 55 < now < 95)
    seen: list[tuple[bool, bool]] = []

    async def live() -> None:
        with watched(directory, doer, messages.journal) as container:
            for _ in range(12):
                await asyncio.sleep(9.9 if not seen else 10)
                for _ in range(3):
                    readable(directory / "ready")
                seen.append((container.ready, readable(directory / "ready")))

    run_warped(live())
    ready = [False, True, True, True, True, True, True, False, False, False, False, True]
    assert seen == [(it, it) for it in ready]
    entries = messages.take()
    assert [(it["MESSAGE"], it["PRIORITY"], it["PODUNIT_EVENT"]) for it in entries] == [
        ("web.main: ready", "6", "Ready"),
        ("web.main: not ready: at 70", "4", "Unready"),
        ("web.main: ready", "6", "Ready"),
    ]
    assert entries[0]["OBJECT_SYSTEMD_UNIT"] == "container@web.main.service"
    assert (entries[0]["PODUNIT_POD"], entries[0]["PODUNIT_CONTAINER"]) == ("web", "main")


def test_what_never_gets_ready_is_said_once(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(readiness=probe("ready")))

    async def live() -> None:
        with watched(directory, Doer(lambda *_: False), messages.journal) as container:
            await asyncio.sleep(100)
            assert not container.ready

    run_warped(live())
    assert messages.lines() == ["web.main: not ready: at 20"]


@pytest.mark.parametrize(("own", "expected"), [(None, 30), (5, 5), (1, 2)])
def test_a_failed_liveness_probe_stops_the_container_once(
    tmp_path: Path, messages: Messages, own: int | None, expected: int
) -> None:
    liveness = probe("alive", initial_delay_sec=3, **({} if own is None else {"grace_sec": own}))
    directory = register(tmp_path, Probes(liveness=liveness))
    doer = Doer(lambda _, now: now < 5)

    async def live() -> None:
        with watched(directory, doer, messages.journal) as container:
            assert container.ready
            await asyncio.sleep(300)

    run_warped(live())
    assert [round(it) for it in doer.times("alive")] == [3, 13, 23, 33]
    assert doer.stops == [expected]
    assert [it.partition(" times")[0] for it in messages.lines()] == ["web.main: liveness probe failed 3"]
    assert (directory / "reason").read_text().startswith("liveness probe failed 3 times: at 3")


def test_a_container_that_somebody_stops_may_fail(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(readiness=probe("ready"), liveness=probe("alive")))
    doer = Doer(lambda name, _: name == "ready")
    doer.leaving = True

    async def live() -> None:
        with watched(directory, doer, messages.journal):
            await asyncio.sleep(60)

    run_warped(live())
    assert len(doer.times("alive")) == 3
    assert doer.stops == []
    assert messages.lines() == ["web.main: ready"]


def test_nothing_is_checked_after_a_stop(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(readiness=probe("ready"), liveness=probe("alive", failure_threshold=2)))
    doer = Doer(lambda name, now: name == "ready" and now < 15)

    async def live() -> None:
        with watched(directory, doer, messages.journal):
            await asyncio.sleep(60)

    run_warped(live())
    assert max(at for _, at in doer.made) == 10
    assert len(messages.lines()) == 2


def test_the_hook_takes_its_time_from_the_grace_period(tmp_path: Path, messages: Messages) -> None:
    probes = Probes(liveness=probe("alive", failure_threshold=1))
    directory = register(tmp_path, probes, pre_stop=Exec(("hook",)), grace_sec=20)

    async def hook() -> bool:
        await asyncio.sleep(12)
        return False

    doer = Doer(lambda name, _: hook() if name == "hook" else False)

    async def live() -> None:
        with watched(directory, doer, messages.journal):
            await asyncio.sleep(30)

    run_warped(live())
    assert doer.made == [("alive", 0), ("hook", 0)]
    assert doer.stops == [8]
    assert messages.lines() == [
        "web.main: liveness probe failed: at 0; stopping the container",
        "web.main: preStop: at 0",
    ]


def test_a_stop_while_a_probe_has_it_stopped_runs_the_hook_no_second_time(tmp_path: Path, messages: Messages) -> None:
    probes = Probes(liveness=probe("alive", failure_threshold=1))
    directory = register(tmp_path, probes, pre_stop=Exec(("hook",)), grace_sec=20)
    os.mkfifo(directory / "preStop")
    reader = os.open(directory / "preStop", os.O_RDWR | os.O_NONBLOCK)

    async def hook() -> bool:
        await asyncio.sleep(5)
        return True

    doer = Doer(lambda name, _: hook() if name == "hook" else False)

    async def live() -> None:
        with watched(directory, doer, messages.journal) as container:
            await asyncio.sleep(1)
            await container.answer("preStop")
            assert os.read(reader, 100) == b"ok\n"
            await asyncio.sleep(1)

    run_warped(live())
    os.close(reader)
    assert doer.made == [("alive", 0), ("hook", 0)]
    assert doer.stops == [15]


def test_podman_is_asked_again_where_it_could_not_stop_a_container(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(liveness=probe("alive", failure_threshold=1)), grace_sec=15)
    doer = Doer(lambda *_: False)
    doer.stopped = Result(False, "no space")

    async def live() -> None:
        with watched(directory, doer, messages.journal):
            await asyncio.sleep(25)
            doer.stopped = Result(True)
            await asyncio.sleep(100)

    run_warped(live())
    assert doer.stops == [15, 5, 2, 2]
    assert messages.lines()[1:] == ["web.main: podman cannot stop it: no space"]


def test_a_check_that_cannot_be_made_counts_for_nothing(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(readiness=probe("ready"), liveness=probe("alive", failure_threshold=1)))
    doer = Doer(lambda _, now: True if now < 15 else None)

    async def live() -> None:
        with watched(directory, doer, messages.journal) as container:
            await asyncio.sleep(100)
            assert container.ready

    run_warped(live())
    assert doer.stops == []
    assert sorted(messages.lines()) == [
        "web.main: ready",
        "web.main: the liveness probe could not be made: at 20",
        "web.main: the readiness probe could not be made: at 20",
    ]


def test_a_check_is_never_made_while_another_of_its_probe_runs(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(liveness=probe("alive", period_sec=1, timeout_sec=5)))

    async def slow() -> bool:
        await asyncio.sleep(4.5)
        return True

    doer = Doer(lambda *_: slow())

    async def live() -> None:
        with watched(directory, doer, messages.journal):
            await asyncio.sleep(15)

    run_warped(live())
    assert doer.times("alive") == [0, 4.5, 9, 13.5]


def test_checks_end_when_the_registration_does(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(liveness=probe("alive", failure_threshold=2)))
    doer, doubts = Doer(lambda *_: False), list[str]()

    async def live() -> None:
        with watched(directory, doer, messages.journal, doubts):
            await asyncio.sleep(5)
            register(tmp_path, Probes(liveness=probe("other")))
            await asyncio.sleep(100)

    run_warped(live())
    assert doer.times("alive") == [0]
    assert doubts == ["doubt"]
    assert doer.stops == []


def test_the_state_is_there_for_others(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(readiness=probe("ready", failure_threshold=2), liveness=probe("alive")))
    doer = Doer(lambda name, now: name == "alive" or now < 35)

    async def live() -> None:
        with watched(directory, doer, messages.journal):
            await asyncio.sleep(1)
            found = json.loads((directory / "state.json").read_text())
            assert found["started"]
            assert found["ready"]
            assert found["readiness"] == {"success": True, "message": "at 0", "at": found["readiness"]["at"]} | {
                "failures": 0,
                "successes": 1,
            }
            await asyncio.sleep(40)
            known = read_state(directory)
            assert known is not None
            # The first failure is told, and changes nothing yet.
            assert known.ready
            assert not known.results[Kind.READINESS].success
            written = (directory / "state.json").stat().st_ino
            await asyncio.sleep(5)
            assert (directory / "state.json").stat().st_ino == written
            await asyncio.sleep(5)
            known = read_state(directory)
            assert known is not None
            assert not known.ready
            assert known.results[Kind.READINESS].failures == 2
            assert known.results[Kind.LIVENESS].message == "at 0"

    run_warped(live())
    assert (directory / "state.json").stat().st_mode & 0o777 == 0o644
    assert sorted(it.name for it in directory.iterdir()) == ["probes.json", "ready", "state.json"]


def test_another_prober_goes_on_where_the_last_one_ended(tmp_path: Path, messages: Messages) -> None:
    probes = Probes(probe("up"), probe("ready"), probe("alive"))
    directory = register(tmp_path, probes)
    first, second = Doer(lambda *_: True), Doer(lambda *_: False)

    async def live(doer: Doer) -> None:
        with watched(directory, doer, messages.journal) as container:
            if doer is second:
                assert container.started
                assert container.ready
                assert readable(directory / "ready")
            await asyncio.sleep(25)

    run_warped(live(first))
    assert messages.lines() == ["web.main: started", "web.main: ready"]
    run_warped(live(second))
    assert second.times("up") == []
    # Not all at once: within the first period, at random.
    assert 0 < second.times("ready")[0] < 10
    assert len(second.times("ready")) in (2, 3)


def test_a_stop_that_a_prober_did_not_finish_is_finished_by_the_next(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(liveness=probe("alive", failure_threshold=1)), pre_stop=Exec(("hook",)))
    first, second = Doer(lambda *_: False), Doer(lambda *_: False)
    first.stopped = Result(False)

    async def live(doer: Doer) -> None:
        with watched(directory, doer, messages.journal):
            await asyncio.sleep(5)

    run_warped(live(first))
    run_warped(live(second))
    assert second.made == []
    assert second.stops == [30]


def test_the_state_of_an_earlier_start_is_not_taken_over(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(readiness=probe("ready")))

    async def live(answer: bool) -> bool:
        with watched(directory, Doer(lambda *_: answer), messages.journal) as container:
            await asyncio.sleep(1)
            return container.ready

    assert run_warped(live(True))
    register(tmp_path, Probes(readiness=probe("ready")))
    assert not run_warped(live(False))


@pytest.mark.parametrize(
    "garbage", ["", "[]", '{"started": 1}', '{"registration": "x", "started": 1, "ready": 0, "startup": 3}']
)
def test_a_state_that_makes_no_sense_is_none(tmp_path: Path, garbage: str) -> None:
    (tmp_path / "state.json").write_text(garbage)
    assert read_state(tmp_path) is None


def test_who_waits_finds_the_end_when_the_container_does(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(readiness=probe("ready")))

    async def live() -> None:
        with watched(directory, Doer(lambda *_: False), messages.journal) as container:
            # Does not block: the other end is held.
            reader = os.open(directory / "ready", os.O_RDONLY)
            await asyncio.sleep(1)
            container.close()
            assert os.read(reader, 1) == b""
            os.close(reader)

    run_warped(live())


def test_a_gate_may_be_made_after_its_registration(tmp_path: Path, messages: Messages) -> None:
    directory = register(tmp_path, Probes(readiness=probe("ready")))
    (directory / "ready").unlink()

    async def live() -> None:
        with watched(directory, Doer(lambda *_: True), messages.journal) as container:
            await asyncio.sleep(1)
            assert container.ready
            os.mkfifo(directory / "ready")
            container.settle()
            assert readable(directory / "ready")

    run_warped(live())
    assert messages.lines() == ["web.main: ready"]
