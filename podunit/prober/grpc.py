"""gRPC checks: grpc.health.v1.Health/Check over HTTP/2 without TLS (pkg/probe/grpc).

In: a GRPCAction and the way to the pod. Out: a result; SERVING is a success.
"""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from podunit import __version__
from podunit.prober.dialer import Dialer, describe_error
from podunit.prober.series import Result, shorten
from podunit.prober.streams import PlainStream
from podunit.probes import Grpc

_MOST_BODY = 10 * 1024
_SERVING = 1
_STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
# https://grpc.io/docs/guides/status-codes/
_NOT_FOUND, _UNIMPLEMENTED = "5", "12"


async def check_grpc(action: Grpc, dialer: Dialer) -> Result:
    """Make the check once. The caller has a timeout."""
    try:
        async with dialer.connect("", action.port) as (connected, address):
            authority = f"[{address}]:{action.port}" if ":" in address else f"{address}:{action.port}"
            call = _Call(action.service, authority)
            stream = PlainStream(connected)
            while not call.is_over:
                await stream.send(call.take_output())
                call.feed(await stream.receive())
    except OSError as error:
        return Result(False, describe_error(error))
    # hpack and h2 let errors of all kinds through when what comes is garbage.
    except (h2.exceptions.H2Error, LookupError, ValueError, TypeError, AssertionError) as error:
        return Result(False, f"not HTTP/2: {shorten(str(error)) or type(error).__name__}")
    return call.judge()


class _Call:
    """One unary call: bytes in and out, no socket."""

    def __init__(self, service: str, authority: str) -> None:
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self._connection = h2.connection.H2Connection(config)
        self._connection.initiate_connection()
        headers = (
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/grpc.health.v1.Health/Check"),
            (":authority", authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", f"podunit-probe/{__version__}"),
        )
        self._stream = self._connection.get_next_available_stream_id()
        self._connection.send_headers(self._stream, headers)
        self._connection.send_data(self._stream, _write_message(service), end_stream=True)
        self._fields: dict[str, str] = {}
        self._body = bytearray()
        self._failure = ""
        self.is_over = False

    def take_output(self) -> bytes:
        """What is to be sent."""
        return bytes(self._connection.data_to_send())

    def feed(self, data: bytes) -> None:
        """Take what has come, b'' for the end."""
        if not data:
            self._end("the server ended the connection")
            return
        for event in self._connection.receive_data(data):
            match event:
                case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                    self._fields.update((str(name), str(value)) for name, value in event.headers)
                case h2.events.DataReceived():
                    self._body += event.data
                    if len(self._body) > _MOST_BODY:
                        self._end("an answer of more than 10 KiB")
                    elif event.flow_controlled_length:
                        self._connection.acknowledge_received_data(event.flow_controlled_length, self._stream)
                case h2.events.StreamEnded():
                    self.is_over = True
                case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                    self._end("the server gave the call up")

    def judge(self) -> Result:
        """What the answer means, when it is over."""
        if self._failure:
            return Result(False, self._failure)
        status = self._fields.get("grpc-status", "")
        if status == _UNIMPLEMENTED:
            return Result(False, "the server does not implement the gRPC health protocol")
        if status == _NOT_FOUND:
            return Result(False, "the server does not know the service")
        if not status:
            return Result(False, f"no gRPC: HTTP {shorten(self._fields.get(':status', ''))}")
        if status != "0":
            return Result(False, f"gRPC status {shorten(status)}: {shorten(self._fields.get('grpc-message', ''))}")
        found = _read_message(bytes(self._body))
        return Result(found == _SERVING, _STATUSES.get(found, f"status {found}"))

    def _end(self, failure: str) -> None:
        if not self.is_over:
            self._failure = failure
        self.is_over = True


def _write_message(service: str) -> bytes:
    """A HealthCheckRequest in gRPC's frame: `service` is field 1, a string."""
    text = service.encode()
    message = b"\x0a" + _write_number(len(text)) + text if text else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _read_message(body: bytes) -> int:
    """`status` of a HealthCheckResponse, field 1; -1 for what is none."""
    if len(body) < 5 or body[0] != 0 or len(body) != 5 + int.from_bytes(body[1:5], "big"):
        return -1
    message, at, status = body[5:], 0, 0
    try:
        while at < len(message):
            tag, at = _read_number(message, at)
            if tag & 7 == 0:
                value, at = _read_number(message, at)
                status = value if tag >> 3 == 1 else status
            elif tag & 7 == 2:
                size, at = _read_number(message, at)
                at += size
            else:
                return -1
    except IndexError:
        return -1
    return status


def _write_number(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))


def _read_number(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
