"""What registers is probed, what is gone is not, nothing that somebody writes there breaks the prober, and it ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from podunit.prober.main import serve
from podunit.prober.networks import Networks, open_stream
from podunit.prober.notify import Notifier, take_environment
from podunit.prober.registry import FOLDER, Registry
from podunit.probes import Exec, Probes, TcpSocket
from podunit.probes import Probe as AnyProbe
from tests.prober_world import Doer, Messages, probe, readable, register, run_warped


@pytest.fixture
def messages(tmp_path: Path) -> Iterator[Messages]:
    found = Messages(tmp_path / "journal")
    yield found
    found.close()


def nowhere(process: int, address: str) -> tuple[socket.socket, str]:
    raise AssertionError(f"nobody asked for {process}, {address}")


def make_registry(folder: Path, messages: Messages, *doers: Doer) -> Registry:
    """A registry whose containers answer as these, one after the other."""
    left = list(doers)

    def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)

    return Registry(folder, messages.journal, Networks(folder, nowhere), spawn, lambda *_: left.pop(0))


def test_a_container_is_probed_from_its_registration_to_its_end(tmp_path: Path, messages: Messages) -> None:
    first, second = Doer(lambda *_: True), Doer(lambda *_: False)
    registry = make_registry(tmp_path, messages, first, second)

    async def live() -> None:
        registry.sweep()
        assert registry.is_empty
        directory = register(tmp_path, Probes(readiness=probe("ready")))
        registry.look("web.main")
        registry.look("web.main")
        assert registry.describe() == "1 probes of 1 containers"
        await asyncio.sleep(1)
        # The container starts again: another registration, of which its own next check learns without a line.
        shutil.rmtree(directory)
        register(tmp_path, Probes(readiness=probe("ready"), liveness=probe("alive")))
        await asyncio.sleep(10)
        assert registry.describe() == "2 probes of 1 containers"
        assert not readable(directory / "ready")
        shutil.rmtree(directory)
        registry.sweep()
        assert registry.is_empty
        await asyncio.sleep(100)

    run_warped(live())
    assert len(first.made) == 1
    assert [at < 20 for _, at in second.made] == [True] * len(second.made)
    assert messages.lines() == ["web.main: ready"]


_HEAD = '"pod":"a","container":"b","unit":"c","engineName":"d","terminationGracePeriodSeconds":1'


@pytest.mark.parametrize(
    "text",
    ["", "{", "\udcff", "[]", "null", '"x"', '{"pod": "web"}', f'{{{_HEAD},"livenessProbe":[]}}', f"{{{_HEAD}}} 1"],
)
def test_what_cannot_be_read_is_said_once(tmp_path: Path, messages: Messages, text: str) -> None:
    (tmp_path / "web.main").mkdir()
    (tmp_path / "web.main" / "probes.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    registry = make_registry(tmp_path, messages, Doer(lambda *_: True))

    async def live() -> None:
        for _ in range(3):
            registry.sweep()
            registry.look("web.main")
        assert registry.is_empty
        shutil.rmtree(tmp_path / "web.main")
        register(tmp_path, Probes(liveness=probe("alive")))
        registry.sweep()
        assert not registry.is_empty
        registry.close()

    run_warped(live())
    (line,) = messages.lines()
    assert line.startswith(f"{tmp_path}/web.main/probes.json cannot be read: ")


@pytest.mark.parametrize("name", ["", ".", "..", "../web.main", "/etc", "a\0b", "a/b", "\N{SNOWMAN}"])
def test_a_line_names_nothing_elsewhere(tmp_path: Path, messages: Messages, name: str) -> None:
    register(tmp_path, Probes(liveness=probe("alive")))
    registry = make_registry(tmp_path / "below", messages)

    async def live() -> None:
        registry.look(name)
        assert registry.is_empty

    run_warped(live())


class Manager:
    """What systemd does for a prober: a FIFO that stays open, and a socket for what it says."""

    def __init__(self, run: Path, messages: Messages) -> None:
        self.run, self.messages = run, messages
        os.mkfifo(run / "podunit-prober")
        self.fifo = os.open(run / "podunit-prober", os.O_RDWR | os.O_NONBLOCK)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(run / "notify"))
        self._socket.setblocking(False)

    def serve(self, beside: Callable[[], Coroutine[Any, Any, None]], pause_sec: float = 0.2) -> int:
        """Run a prober, and something beside it."""

        async def both() -> int:
            task = asyncio.get_running_loop().create_task(beside())
            served = serve(
                self.run,
                self.fifo,
                self.messages.journal,
                Notifier(str(self.run / "notify")),
                Networks(self.run, nowhere),
                pause_sec,
            )
            try:
                return await asyncio.wait_for(served, 10)
            finally:
                await task

        return asyncio.run(both())

    def told(self) -> list[str]:
        found: list[str] = []
        while True:
            try:
                found += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return found

    def close(self) -> None:
        os.close(self.fifo)
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, messages: Messages) -> Iterator[Manager]:
    found = Manager(tmp_path, messages)
    yield found
    found.close()


def listening() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    return server


def test_the_prober_lives_as_long_as_there_is_a_container(manager: Manager) -> None:
    server = listening()
    tcp = AnyProbe(TcpSocket(server.getsockname()[1], "127.0.0.1"))
    seen: list[bool] = []

    async def unit() -> None:
        directory = register(manager.run / FOLDER, Probes(startup=tcp, readiness=tcp))
        os.write(manager.fifo, b"web.main\n")
        for name in ("started", "ready"):
            for _ in range(100):
                if readable(directory / name):
                    break
                await asyncio.sleep(0.01)
            seen.append(readable(directory / name))
        await asyncio.sleep(0.3)
        shutil.rmtree(directory)

    assert manager.serve(unit) == 0
    assert seen == [True, True]
    told = manager.told()
    assert told[0] == "READY=1"
    assert "WATCHDOG=1" in told
    assert "STATUS=2 probes of 1 containers" in told
    assert told[-1] == "STATUS=0 probes of 0 containers"
    assert manager.messages.lines() == ["web.main: started", "web.main: ready"]
    server.close()


def test_a_line_that_nobody_has_read_stays_for_the_next_prober(manager: Manager) -> None:
    async def nothing() -> None:
        return

    assert manager.serve(nothing) == 0
    os.write(manager.fifo, b"web.main\n")
    assert os.read(manager.fifo, 100) == b"web.main\n"


def test_sigterm_ends_it_at_once_with_what_it_runs(manager: Manager, tmp_path: Path) -> None:
    silent = listening()

    async def unit() -> None:
        tcp = AnyProbe(TcpSocket(silent.getsockname()[1], "127.0.0.1"))
        register(manager.run / FOLDER, Probes(liveness=tcp))
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    began = os.times().elapsed
    assert manager.serve(unit, pause_sec=9) == 0
    assert os.times().elapsed - began < 5
    silent.close()


def test_a_bug_ends_the_prober_instead_of_a_probe(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("podunit.prober.checks.Checks.make", fail)

    async def unit() -> None:
        register(manager.run / FOLDER, Probes(liveness=probe("alive")))
        os.write(manager.fifo, b"web.main\n")

    with pytest.raises(ZeroDivisionError):
        manager.serve(unit, pause_sec=9)


def test_what_systemd_says_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "30000000", "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    _, watchdog_sec, fifo = take_environment()
    assert (watchdog_sec, fifo) == (30, 3)
    assert not set(given) & set(os.environ)
    assert take_environment()[1:] == (0, None)
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", "1")
    assert take_environment()[2] is None
    assert open_stream("127.0.0.1")[1] == "127.0.0.1"


def ask(directory: Path, hook: str) -> int:
    """What a unit does before it asks for a hook: the end at which it reads."""
    os.mkfifo(directory / hook)
    return os.open(directory / hook, os.O_RDWR | os.O_NONBLOCK)


def test_a_hook_is_run_when_the_unit_asks_for_it(tmp_path: Path, messages: Messages) -> None:
    doer = Doer(lambda name, _: name == "up")
    registry = make_registry(tmp_path, messages, doer)
    hooks = {"post_start": Exec(("up",)), "pre_stop": Exec(("down",))}

    async def live() -> None:
        (tmp_path / "web.main").mkdir()
        unknown = ask(tmp_path / "web.main", "preStop")
        registry.take("web.main/preStop")
        assert os.read(unknown, 100) == b"not registered\n"
        os.close(unknown)
        (tmp_path / "web.main" / "preStop").unlink()
        directory = register(tmp_path, Probes(), **hooks)
        readers = [ask(directory, hook) for hook in ("postStart", "preStop")]
        for line in ("web.main", "web.main/other", "../web.main/preStop", "/preStop", "web.main/postStart"):
            registry.take(line)
        await asyncio.sleep(1)
        assert os.read(readers[0], 100) == b"ok\n"
        assert doer.made == [("up", 0)]
        registry.take("web.main/preStop")
        await asyncio.sleep(1)
        assert os.read(readers[1], 100) == b"at 1\n"
        for reader in readers:
            os.close(reader)
        # Nobody waits any more.
        registry.take("web.main/postStart")
        await asyncio.sleep(1)

    run_warped(live())
    assert [name for name, _ in doer.made] == ["up", "down", "up"]
    assert messages.lines() == []
