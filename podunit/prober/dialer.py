"""Connections into pods. In: a sandbox, a host, a port. Out: a connected socket.

An address is one of the pod's network; a name is resolved by the machine.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from podunit.prober.networks import Networks


class Dialer:
    """The way to the servers of one pod; `sandbox` is '' for the host's network."""

    def __init__(self, networks: Networks, sandbox: str) -> None:
        self._networks = networks
        self._sandbox = sandbox
        self._asked: dict[str, asyncio.Future[list[str]]] = {}

    @asynccontextmanager
    async def connect(self, host: str, port: int) -> AsyncIterator[tuple[socket.socket, str]]:
        """A connection to the first address of a host that takes it, closed in the end; and the address.

        '' is the pod's own address. OSError; asyncio's timeouts and cancellation end it at any moment.
        """
        loop = asyncio.get_running_loop()
        addresses = [host] if not host or _is_address(host) else await self._resolve(host)
        failure: OSError | None = None
        for wanted in addresses:
            stream, address = self._networks.open_stream(self._sandbox, wanted)
            with stream:
                try:
                    await loop.sock_connect(stream, (address, port))
                except OSError as error:
                    failure = error
                    continue
                yield stream, address
                return
        raise failure or OSError("no address")

    async def _resolve(self, host: str) -> list[str]:
        """The addresses of a name. Nobody asks again while a resolver has not answered yet."""
        asked = self._asked.get(host)
        if asked is None or asked.done():
            asked = self._asked[host] = _ask_resolver(host)
        return await asyncio.shield(asked)


def describe_error(error: OSError) -> str:
    """What went wrong with a connection, in a few words."""
    if isinstance(error, socket.gaierror):
        return f"host not found: {error.strerror}"
    # asyncio has sentences of its own for what the kernel says in fewer words.
    text = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    return text[:1].lower() + text[1:]


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False


def _ask_resolver(host: str) -> asyncio.Future[list[str]]:
    """The addresses of a name, by a thread that may be left alone: a resolver cannot be interrupted."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str], error: OSError | None) -> None:
        if found.done():
            return
        if error:
            found.set_exception(error)
        else:
            found.set_result(addresses)

    def ask() -> None:
        addresses: list[str] = []
        failure: OSError | None = None
        try:
            answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = [str(answer[4][0]) for answer in answers]
        except UnicodeError:
            failure = socket.gaierror(socket.EAI_NONAME, "not a host name")
        except OSError as error:
            failure = error
        try:
            loop.call_soon_threadsafe(settle, addresses, failure)
        except RuntimeError:
            # The program has ended meanwhile.
            return

    threading.Thread(target=ask, daemon=True).start()
    # Where nobody waits any more, an error is none.
    found.add_done_callback(lambda it: it.cancelled() or it.exception())
    return found
