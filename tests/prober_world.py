"""What tests of the prober play: a clock that does not wait, containers that answer as told, a journal, and servers."""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from podunit.prober.container import Container
from podunit.prober.journal import Journal
from podunit.prober.series import Result
from podunit.prober.states import REGISTRATION, stamp_registration
from podunit.probes import Check, Exec, Hook, Probe, Probes, Registration, write_registration
from podunit.scope import Scope

T = TypeVar("T")


class _Selector(selectors.EpollSelector):
    """Instead of waiting for nothing, the clock goes on."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout:
            self.passed += timeout
        return found if found or timeout is not None else super().select(1)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.passed


def run_warped(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; seconds in which nothing happens take no time."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


class Doer:
    """A container that answers each probe, told apart by its command, as a function of the time says."""

    def __init__(self, answer: Callable[[str, float], bool | Awaitable[bool] | None]) -> None:
        self.answer = answer
        self.made: list[tuple[str, float]] = []
        self.stops: list[int] = []
        self.stopped = Result(True)
        self.leaving = False

    async def run_hook(self, hook: Hook, timeout_sec: float) -> Result:
        assert isinstance(hook, Exec)
        return await self.make(hook, timeout_sec)

    async def make(self, check: Check, timeout_sec: float) -> Result:
        assert isinstance(check, Exec)
        assert timeout_sec > 0
        now = asyncio.get_running_loop().time()
        self.made.append((check.command[0], round(now, 2)))
        success = self.answer(check.command[0], now)
        if isinstance(success, Awaitable):
            success = await success
        return Result(success, f"at {now:g}")

    async def stop(self, grace_sec: int) -> Result:
        self.stops.append(grace_sec)
        return self.stopped

    async def is_leaving(self) -> bool:
        return self.leaving

    def times(self, name: str) -> list[float]:
        return [at for made, at in self.made if made == name]


def probe(name: str, **numbers: int) -> Probe:
    """A probe that a `Doer` knows by this name."""
    return Probe(Exec((name,)), **numbers)


def register(folder: Path, probes: Probes, **others: Any) -> Path:
    """What a container's unit does at its start."""
    directory = folder / "web.main"
    directory.mkdir(parents=True, exist_ok=True)
    found = {"sandbox_name": "", "grace_sec": 30, **others}
    registration = Registration("web", "main", "container@web.main.service", "web.main", probes=probes, **found)
    new = directory / "new"
    new.write_text("\n".join(write_registration(registration)), encoding="utf-8")
    new.rename(directory / REGISTRATION)
    for name, wanted in (("started", probes.startup), ("ready", probes.readiness)):
        if wanted and not (directory / name).exists():
            os.mkfifo(directory / name)
    return directory


class Messages:
    """The journal's socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.journal = Journal(Scope.SYSTEM, path)

    def take(self) -> list[dict[str, str]]:
        """The entries since the last call; no field has a newline."""
        found: list[dict[str, str]] = []
        while True:
            try:
                text = self._socket.recv(65536).decode()
            except BlockingIOError:
                return found
            found.append(dict(line.split("=", 1) for line in text.splitlines()))

    def lines(self) -> list[str]:
        return [entry["MESSAGE"] for entry in self.take()]

    def close(self) -> None:
        self._socket.close()


@contextmanager
def watched(directory: Path, doer: Doer, journal: Journal, doubts: list[str] | None = None) -> Iterator[Container]:
    """A container that is probed, inside of a running loop."""
    from podunit.probes import read_registration

    registration = read_registration((directory / REGISTRATION).read_text(encoding="utf-8"))
    tasks: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        tasks.append(asyncio.get_running_loop().create_task(work))
        return tasks[-1]

    doubt = (doubts if doubts is not None else []).append
    container = Container(
        directory, registration, stamp_registration(directory), doer, journal, spawn, lambda: doubt("doubt")
    )
    container.start()
    try:
        yield container
    finally:
        container.close()
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()
            task.cancel()


def readable(fifo: Path) -> bool:
    """Whether somebody who reads a line goes on now; takes it."""
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(reader, 1) == b"\n"
    except BlockingIOError:
        return False
    finally:
        os.close(reader)


def count_descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
