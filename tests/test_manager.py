"""What `podunit.manager` promises of calls that nobody waits for any more; all else about it is tested in labs."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from podunit.manager import Manager
from podunit.scope import Scope


class SilentBus:
    """A connection on which no answer comes."""

    def __init__(self) -> None:
        self.calls: list[asyncio.Future[Any]] = []

    async def wait_for_disconnect(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def call(self, _: object) -> object:
        self.calls.append(asyncio.get_running_loop().create_future())
        return await self.calls[-1]

    def disconnect(self) -> None:
        pass


def test_a_call_ends_with_who_waits_for_it() -> None:
    async def run() -> list[bool]:
        bus = SilentBus()
        manager = Manager(cast("Any", bus), Scope.SYSTEM)
        call = asyncio.ensure_future(manager.get_version())
        await asyncio.sleep(0.05)
        call.cancel()
        await asyncio.wait({call})
        await asyncio.sleep(0)
        manager.close()
        # What is left of it would be told of the end of the connection, as an error that nobody reads.
        return [it.cancelled() for it in bus.calls]

    assert asyncio.run(run()) == [True]


def test_a_call_that_is_answered_as_it_is_cancelled_is_cancelled() -> None:
    async def run(steps: int) -> bool:
        bus = SilentBus()
        manager = Manager(cast("Any", bus), Scope.SYSTEM)
        call = asyncio.ensure_future(manager.get_version())
        await asyncio.sleep(0.01)
        version = [Variant("s", "257")]
        reply = Message(message_type=MessageType.METHOD_RETURN, reply_serial=1, signature="v", body=version)
        bus.calls[0].set_result(reply)
        for _ in range(steps):
            await asyncio.sleep(0)
        done = call.done()
        call.cancel()
        await asyncio.wait({call})
        manager.close()
        return done or call.cancelled()

    assert all(asyncio.run(run(steps)) for steps in range(12))
