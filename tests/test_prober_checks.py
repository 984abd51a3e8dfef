"""Checks against servers on loopback: who is well, who is not, and that no answer whatever breaks the prober."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest

from podunit.prober.checks import Checks
from podunit.prober.networks import Networks, open_stream
from podunit.prober.series import Result
from podunit.probes import Check, Grpc, HttpGet, Probes, Registration, Scheme, Sleep, TcpSocket

HOST = "127.0.0.1"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def open_stream_nowhere(process: int, address: str) -> tuple[socket.socket, str]:
    raise AssertionError(f"nobody asked for {process}, {address}")


class Loopback(Networks):
    """A pod whose own address is that of loopback."""

    def open_stream(self, sandbox: str, address: str) -> tuple[socket.socket, str]:
        assert sandbox == ""
        return open_stream(address or HOST)


async def make(check: Check | Sleep, timeout_sec: float = 2, *, hook: bool = False) -> Result:
    registration = Registration("web", "main", "container@web.main.service", "web.main", "", 30, Probes())
    nowhere = Path("/nonexistent")
    checks = Checks(registration, nowhere, Loopback(nowhere, open_stream_nowhere))
    if isinstance(check, Sleep) or (hook and isinstance(check, HttpGet)):
        return await checks.run_hook(check, timeout_sec)
    return await checks.make(check, timeout_sec)


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(close, HOST, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Pages:
    """An HTTP server of fixed responses by path; what it was asked for."""

    def __init__(self, **responses: str | bytes) -> None:
        self.responses = {f"/{path}": response for path, response in responses.items()}
        self.requests: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(request)
        response = self.responses.get(
            request.split()[1].partition("?")[0], "404 Not Found\r\nContent-Length: 0\r\n\r\n"
        )
        writer.write(response if isinstance(response, bytes) else f"HTTP/1.1 {response}".encode())


def page(status: int, *headers: str, body: str = "") -> str:
    return "\r\n".join((f"{status} x", *headers, f"Content-Length: {len(body)}", "", body))


@pytest.mark.parametrize(
    ("status", "success"),
    [(200, True), (204, True), (304, True), (399, True), (400, False), (404, False), (503, False)],
)
def test_http_success_is_a_status_from_200_to_399(status: int, success: bool) -> None:
    async def look() -> Result:
        async with serving(Pages(x=f"{status} x\r\nContent-Length: 0\r\n\r\n")) as port:
            return await make(HttpGet(port, "/x", host=HOST))

    assert asyncio.run(look()) == Result(success, f"HTTP {status}")


def test_a_hook_succeeds_with_any_response_and_fails_without() -> None:
    async def look() -> tuple[Result, Result]:
        async with serving(Pages(x="500 x\r\nContent-Length: 0\r\n\r\n")) as port:
            answered = await make(HttpGet(port, "/x", host=HOST), hook=True)
        return answered, await make(HttpGet(port, "/x", host=HOST), hook=True)

    assert asyncio.run(look()) == (Result(True, "HTTP 500"), Result(False, "connection refused"))


def test_http_request_is_that_of_a_kubelet() -> None:
    pages = Pages(ok=page(200))

    async def look() -> int:
        async with serving(pages) as port:
            await make(HttpGet(port, "/ok?a=b c&d=%20ü#no", host=HOST))
            headers = (("host", "a.example"), ("User-Agent", "me"), ("X-A", "1"), ("X-A", "2"), ("Accept", ""))
            await make(HttpGet(port, "ok", host=HOST, headers=headers))
            return port

    port = asyncio.run(look())
    first, second = (request.rstrip().split("\r\n") for request in pages.requests)
    assert first[0] == "GET /ok?a=b%20c&d=%20%C3%BC HTTP/1.1"
    assert first[1] == f"Host: {HOST}:{port}"
    assert first[2].startswith("User-Agent: podunit-probe/")
    assert first[3:] == ["Accept: */*", "Connection: close"]
    assert sorted(second) == [
        "Connection: close",
        "GET /ok HTTP/1.1",
        "User-Agent: me",
        "X-A: 1",
        "X-A: 2",
        "host: a.example",
    ]


def test_http_redirects_are_followed_on_the_same_host_only() -> None:
    pages = Pages(
        ok=page(200),
        away=page(302, "Location: http://elsewhere.example/"),
        near=page(301, "Location: ok"),
        gone=page(307, "Location: /nowhere"),
        loop=page(302, "Location: /loop"),
        file=page(302, "Location: file:///etc/passwd"),
        odd=page(302, "Location: http://127.0.0.1:99999999/"),
        none=page(302),
    )

    async def look() -> dict[str, Result]:
        async with serving(pages) as port:
            pages.responses["/port"] = page(302, f"Location: http://{HOST}:{port}/ok?x")
            return {path: await make(HttpGet(port, path, host=HOST)) for path in pages.responses}

    found = asyncio.run(look())
    assert found["/near"] == found["/port"] == Result(True, "HTTP 200")
    assert found["/away"] == Result(True, "HTTP 302, to another host")
    assert found["/gone"] == Result(False, "HTTP 404")
    assert found["/loop"] == Result(False, "more than 10 redirects")
    assert found["/none"] == Result(True, "HTTP 302")
    assert not found["/odd"].success
    assert sum(request.startswith("GET /loop ") for request in pages.requests) == 11


def test_https_is_not_verified(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    argv = ("openssl", "req", "-x509", "-nodes", "-newkey", "rsa:1024", "-subj", "/CN=other", "-days", "1")
    subprocess.run((*argv, "-keyout", key, "-out", certificate), check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.set_ciphers("DEFAULT:@SECLEVEL=0")
    tls.load_cert_chain(certificate, key)

    async def look() -> tuple[Result, ...]:
        async with serving(Pages(ok=page(200, body="x" * 40000)), tls) as port, serving(_speak_http) as plain:
            return (
                await make(HttpGet(port, "/ok", Scheme.HTTPS, HOST)),
                await make(HttpGet(port, "/ok", Scheme.HTTPS, "localhost")),
                await make(HttpGet(plain, "/ok", Scheme.HTTPS, HOST)),
                await make(HttpGet(port, "/ok", Scheme.HTTP, HOST)),
            )

    first, named, plain, mixed = asyncio.run(look())
    assert first == named == Result(True, "HTTP 200")
    assert plain.message.startswith("TLS: ")
    assert not plain.success
    assert not mixed.success


@pytest.mark.parametrize(
    ("name", "value"), [("X A", "1"), ("X", "a\r\nB: c"), ("", "x"), ("Content-Length", "5"), ("Host", "a\nb")]
)
def test_a_header_that_cannot_be_sent_is_a_failure(name: str, value: str) -> None:
    async def look() -> Result:
        async with serving(Pages(ok=page(200))) as port:
            return await make(HttpGet(port, "/ok", host=HOST, headers=((name, value),)))

    found = asyncio.run(look())
    assert found.success is False
    assert found.message.startswith("not a request: ")


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"X-A: b\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def _speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(f"HTTP/1.1 {page(400)}".encode())


@pytest.mark.parametrize("serve", [_drip, _silence])
@pytest.mark.parametrize("grpc", [False, True])
def test_slow_servers_have_as_long_as_they_are_given(serve: Serve, grpc: bool) -> None:
    async def look() -> Result:
        async with serving(serve) as port:
            return await make(Grpc(port) if grpc else HttpGet(port, host=HOST), 0.3)

    found = asyncio.run(look())
    if not (grpc and serve is _drip):
        assert found == Result(False, "no answer within 0.3 s")
    assert found.success is False


def test_no_more_of_a_body_is_read_than_need_be() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65536)
            await writer.drain()

    async def look() -> Result:
        async with serving(endless) as port:
            return await make(HttpGet(port, host=HOST), 5)

    assert asyncio.run(look()) == Result(True, "HTTP 200")


def test_a_refused_connection_says_so() -> None:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        port = unused.getsockname()[1]
        for check in (TcpSocket(port), HttpGet(port), HttpGet(port, scheme=Scheme.HTTPS), Grpc(port)):
            assert asyncio.run(make(check)) == Result(False, "connection refused")


def test_tcp_success_is_a_connection() -> None:
    async def look() -> tuple[Result, ...]:
        async with serving(_silence) as port:
            return await make(TcpSocket(port, HOST)), await make(TcpSocket(port, "localhost"))

    assert asyncio.run(look()) == (Result(True, "connected"), Result(True, "connected"))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b", "x" * 70, "\N{SNOWMAN}\x00"])
def test_a_host_without_an_address_is_a_failure(host: str) -> None:
    found = asyncio.run(make(TcpSocket(80, host), 10))
    assert found.success is False
    assert found.message


def test_a_pause_is_no_check_and_succeeds() -> None:
    assert asyncio.run(make(Sleep(0))) == Result(True)
    assert asyncio.run(make(Sleep(5), 0.1)) == Result(False, "no answer within 0.1 s")


class Health:
    """A gRPC server of one answer."""

    def __init__(self, message: bytes, status: str = "0", *, body: bool = True) -> None:
        self.message, self.status, self.body = message, status, body
        self.asked: list[bytes] = []
        self.headers: dict[str, str] = {}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.headers = {str(name): str(value) for name, value in event.headers}
                elif isinstance(event, h2.events.DataReceived):
                    self.asked.append(event.data)
                elif isinstance(event, h2.events.StreamEnded):
                    self._answer(connection, event.stream_id)
            writer.write(connection.data_to_send())
            await writer.drain()

    def _answer(self, connection: h2.connection.H2Connection, stream: int) -> None:
        first = [(":status", "200"), ("content-type", "application/grpc")]
        last = [("grpc-status", self.status), ("grpc-message", "because")]
        if not self.body:
            connection.send_headers(stream, [*first, *last], end_stream=True)
            return
        connection.send_headers(stream, first)
        connection.send_data(stream, b"\0" + len(self.message).to_bytes(4, "big") + self.message)
        connection.send_headers(stream, last, end_stream=True)


async def ask(health: Serve, service: str = "") -> Result:
    async with serving(health) as port:
        return await make(Grpc(port, service))


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (Health(b"\x08\x01"), Result(True, "SERVING")),
        (Health(b"\x12\x02hi\x08\x01"), Result(True, "SERVING")),
        (Health(b"\x08\x02"), Result(False, "NOT_SERVING")),
        (Health(b""), Result(False, "UNKNOWN")),
        (Health(b"\x08"), Result(False, "status -1")),
        (Health(b"\x0d\x01\x01\x01\x01"), Result(False, "status -1")),
        (Health(b"", "12", body=False), Result(False, "the server does not implement the gRPC health protocol")),
        (Health(b"", "5", body=False), Result(False, "the server does not know the service")),
        (Health(b"", "14", body=False), Result(False, "gRPC status 14: because")),
    ],
)
def test_grpc_success_is_serving(health: Health, expected: Result) -> None:
    assert asyncio.run(ask(health)) == expected


def test_grpc_asks_for_a_service_in_the_health_protocol() -> None:
    health = Health(b"\x08\x01")
    assert asyncio.run(ask(health, "db" * 100)).success
    assert health.asked == [b"\0" + (203).to_bytes(4, "big") + b"\x0a\xc8\x01" + b"db" * 100]
    assert health.headers[":path"] == "/grpc.health.v1.Health/Check"
    assert health.headers["content-type"] == "application/grpc"
    assert health.headers["te"] == "trailers"


def test_grpc_is_not_http_1() -> None:
    assert asyncio.run(ask(_speak_http)).success is False


def _spoil(good: bytes, chance: random.Random) -> bytes:
    found = bytearray(good)
    for _ in range(chance.randrange(6)):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(3):
            case 0:
                found[at:at] = chance.randbytes(chance.randrange(1, 9))
            case 1:
                del found[at : at + chance.randrange(1, 9)]
            case _:
                found[at : at + 1] = chance.randbytes(1)
    return bytes(found)


_GOOD_HTTP = page(200, "Transfer-Encoding: chunked").replace("Content-Length: 0\r\n", "") + "5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize("seed", range(4))
def test_garbage_is_a_failure_and_nothing_worse(seed: int) -> None:
    chance = random.Random(seed)
    recorded = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    recorded.initiate_connection()
    good_grpc = (
        recorded.data_to_send()
        + bytes.fromhex("0000040104000000018882")
        + bytes.fromhex("00000700000000000100000000020801")
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        good = f"HTTP/1.1 {_GOOD_HTTP}".encode() if grpc is False else good_grpc
        writer.write(_spoil(good, chance) if chance.random() < 0.9 else chance.randbytes(chance.randrange(300)))

    grpc = False

    async def look() -> list[Result]:
        nonlocal grpc
        found = []
        async with serving(answer) as port:
            for number in range(150):
                grpc = number % 2 == 1
                found.append(await make(Grpc(port) if grpc else HttpGet(port, host=HOST), 0.5))
        return found

    results = asyncio.run(look())
    assert {it.success for it in results} <= {True, False}
    assert all(it.message.isprintable() for it in results)


def test_a_command_without_podman_cannot_be_made() -> None:
    from podunit.prober.payload import Payload, PayloadError

    payload = Payload("web.main", Path("/nonexistent"), podman="/nonexistent/podman")
    with pytest.raises(PayloadError, match="No such file"):
        asyncio.run(payload.prepare(("true",)))
