"""Bytes to and from a server over a connected socket, plain or by TLS.

No certificate is verified, as by the kubelet. Whoever gives the socket closes it. OSError where the connection fails,
ssl.SSLError among them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import cache
from socket import socket
from typing import Protocol, TypeVar, TypeVarTuple

_CHUNK = 16384

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Stream(Protocol):
    """A connection."""

    async def send(self, data: bytes) -> None:
        """Send all."""

    async def receive(self) -> bytes:
        """What has come, b'' at the end."""


class PlainStream:
    """TCP as it is."""

    def __init__(self, connected: socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        """Send all."""
        await self._loop.sock_sendall(self._socket, data)

    async def receive(self) -> bytes:
        """What has come, b'' at the end."""
        return await self._loop.sock_recv(self._socket, _CHUNK)


class TlsStream:
    """TLS, by hand: asyncio's own outlives a check that is given up."""

    def __init__(self, connected: socket, server_name: str) -> None:
        self._plain = PlainStream(connected)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _make_context().wrap_bio(self._in, self._out, server_hostname=server_name or None)

    async def shake_hands(self) -> None:
        """To be done first."""
        await self._do(self._tls.do_handshake)

    async def send(self, data: bytes) -> None:
        """Send all."""
        await self._do(self._tls.write, data)

    async def receive(self) -> bytes:
        """What has come, b'' at the end."""
        try:
            return await self._do(self._tls.read, _CHUNK)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def _do(self, step: Callable[[*Ts], T], *arguments: *Ts) -> T:
        while True:
            try:
                done = step(*arguments)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._plain.receive()
                if data:
                    self._in.write(data)
                else:
                    self._in.write_eof()
            else:
                await self._flush()
                return done

    async def _flush(self) -> None:
        if self._out.pending:
            await self._plain.send(self._out.read())


@cache
def _make_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Debian's own level refuses short keys; a certificate that nobody looks at may have one.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context
