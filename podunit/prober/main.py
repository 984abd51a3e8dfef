"""`podunit-prober`: started by podunit-prober.socket when a container registers, ends when none is left.

In: descriptor 3, a FIFO with a line for each container that registers, or asks for a hook. Out: what `container` does.
It tells systemd that it is ready, that it lives, and how much it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from podunit.prober.doorkeeper import UserDoor
from podunit.prober.journal import Journal
from podunit.prober.networks import DirectDoor, Networks
from podunit.prober.notify import Notifier, take_environment
from podunit.prober.registry import FOLDER, Registry
from podunit.scope import Scope

_SWEEP_SEC = 10.0


def main() -> int | str:
    """The program; its exit status, or why it cannot run."""
    notifier, watchdog_sec, fifo = take_environment()
    if fifo is None:
        return "podunit-prober is started by podunit-prober.socket"
    scope = Scope.default()
    run = "/run" if scope is Scope.SYSTEM else os.environ.get("XDG_RUNTIME_DIR", "")
    if not run:
        return "podunit-prober: XDG_RUNTIME_DIR is not set"
    pause_sec = min(_SWEEP_SEC, watchdog_sec / 2) if watchdog_sec else _SWEEP_SEC
    # Some for each container: there may be more of those than a shell's limit allows.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    door = DirectDoor() if scope is Scope.SYSTEM else UserDoor()
    networks = Networks(Path(run), door.open_stream)
    return asyncio.run(serve(Path(run), fifo, Journal(scope), notifier, networks, pause_sec))


async def serve(
    run: Path, fifo: int, journal: Journal, notifier: Notifier, networks: Networks, pause_sec: float
) -> int:
    """Probe until no container is registered, or until SIGTERM; look at all directories every `pause_sec`."""
    loop = asyncio.get_running_loop()
    server = _Server(run, fifo, journal, notifier, networks)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.end)
    return await server.run(pause_sec)


class _Server:
    def __init__(self, run: Path, fifo: int, journal: Journal, notifier: Notifier, networks: Networks) -> None:
        self._fifo, self._notifier = fifo, notifier
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._rest = b""
        self._registry = Registry(run / FOLDER, journal, networks, self._spawn)

    def end(self) -> None:
        """Leave at once."""
        if not self._ended.done():
            self._ended.set_result(None)

    async def run(self, pause_sec: float) -> int:
        os.set_blocking(self._fifo, False)
        self._loop.add_reader(self._fifo, self._read_lines)
        self._registry.sweep()
        # What is there now stays: the collector need not look at it each time.
        gc.collect()
        gc.freeze()
        self._notifier.tell("READY=1", f"STATUS={self._registry.describe()}")
        try:
            while not self._ended.done():
                await asyncio.wait((self._ended,), timeout=pause_sec)
                self._registry.sweep()
                self._read_lines()
                self._notifier.tell("WATCHDOG=1", f"STATUS={self._registry.describe()}")
                if self._registry.is_empty and not self._tasks:
                    break
            # The reason of a failed task, if there is one.
            if self._ended.done():
                self._ended.result()
        finally:
            self._loop.remove_reader(self._fifo)
            self._registry.close()
        return 0

    def _read_lines(self) -> None:
        """Take what units say; a line that comes after the last call stays for the next prober."""
        with contextlib.suppress(BlockingIOError):
            *lines, self._rest = (self._rest + os.read(self._fifo, 64 * 1024)).split(b"\n")
            for line in lines:
                self._registry.take(line.decode("utf-8", "replace"))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return task

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._ended.done():
            # A bug must not be a probe that is never made again: systemd starts the prober anew.
            self._ended.set_exception(error)
