"""Programs that are run to their end, without a thread and without waiting. In: argv. Out: a status and what was said.

Who stops waiting, by a timeout or in another way, ends the program.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence

from podunit.prober.networks import list_children
from podunit.record import record

# More than any line that is shown; the rest is read and forgotten, so that nobody waits at a full pipe.
_KEPT = 8 * 1024


@record
class Finished:
    """How a program ended: its status, negative for a signal, and the start of its output and errors."""

    status: int
    output: bytes


async def run(argv: Sequence[str], *, kept: int = _KEPT) -> Finished:
    """Run a program with its descendants. OSError if it cannot be started."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        # The other end is the program's standard output: it expects one that waits.
        os.set_blocking(writer, True)
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, start_new_session=True)
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    running = _Running(process, reader, kept)
    try:
        return await running.ended
    except asyncio.CancelledError:
        kill_tree(process.pid)
        raise


class _Running:
    """A program until it is reaped, whether or not somebody still waits for it."""

    def __init__(self, process: subprocess.Popen[bytes], reader: int, kept: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._process, self._reader, self._kept = process, reader, kept
        self._output = bytearray()
        self._descriptor = os.pidfd_open(process.pid)
        self.ended: asyncio.Future[Finished] = self._loop.create_future()
        self._loop.add_reader(reader, self._read)
        self._loop.add_reader(self._descriptor, self._reap)

    def _read(self) -> None:
        if self._take() == b"":
            self._loop.remove_reader(self._reader)

    def _take(self) -> bytes | None:
        """What there is to read, None for nothing yet."""
        try:
            data = os.read(self._reader, 64 * 1024)
        except BlockingIOError:
            return None
        self._output += data[: self._kept - len(self._output)]
        return data

    def _reap(self) -> None:
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_reader(self._reader)
        status = self._process.wait()
        # Once: a descendant may go on writing for ever.
        self._take()
        os.close(self._descriptor)
        os.close(self._reader)
        if not self.ended.done():
            self.ended.set_result(Finished(status, bytes(self._output)))


def kill_tree(process: int) -> None:
    """Kill a child that is not reaped yet, and all that descends from it, in whatever namespaces."""
    with contextlib.suppress(OSError):
        # Stopped, it reaps none of its children, and their numbers stay theirs.
        os.kill(process, signal.SIGSTOP)
        for thread in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208
            for child in list_children(process, thread):
                kill_tree(child)
    with contextlib.suppress(OSError):
        os.kill(process, signal.SIGKILL)
