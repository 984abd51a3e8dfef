"""The one way in which a command waits: until its work is done, or somebody ends it by a signal.

In: a coroutine. Out: its result. SIGTERM does what Python does on SIGINT: it cancels the work, which can say where it
stops and see through what has to be whole.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work; KeyboardInterrupt, or the exit of a process that has got SIGTERM, if that ends it."""
    terminated = False
    task: asyncio.Task[T] | None = None

    def terminate(_: int, __: FrameType | None) -> None:
        nonlocal terminated
        # timeout(1) says it twice. What is done already has its result.
        if not terminated and task and not task.done():
            task.get_loop().call_soon_threadsafe(task.cancel)
        terminated = True

    async def run() -> T:
        nonlocal task
        task = asyncio.ensure_future(work)
        if terminated:
            task.cancel()
        return await task

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
