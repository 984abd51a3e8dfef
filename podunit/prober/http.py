"""HTTP checks, as the kubelet makes them (pkg/probe/http).

In: an HTTPGetAction and the way to the pod. Out: a result. A status from 200 to 399 is a success; redirects are
followed on the same host, at most ten of them; one to another host is a success.
"""

from __future__ import annotations

import ssl
from urllib.parse import quote, urljoin, urlsplit

import h11

from podunit import __version__
from podunit.prober.dialer import Dialer, describe_error
from podunit.prober.series import Result, shorten
from podunit.prober.streams import PlainStream, Stream, TlsStream
from podunit.probes import HttpGet, Scheme
from podunit.record import record

_MOST_REDIRECTS = 10
_MOST_BODY = 10 * 1024
_MOST_HEADERS = 64 * 1024
_FOLLOWED = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}

# What may stand in a request line; all else is written %XX, and what already is, stays.
_TARGET = "%/:?#[]@!$&'()*+,;=-._~|\"<>\\^`{}"


@record
class _Place:
    """What one request asks for; `host` '' is the pod's own address."""

    scheme: str
    host: str
    port: int
    target: str


async def check_http(action: HttpGet, dialer: Dialer, *, any_status: bool = False) -> Result:
    """Make the check once. Takes as long as the server likes: the caller has a timeout.

    With `any_status` a response is a success, whatever its status: so it is for hooks.
    """
    try:
        return await _follow(action, dialer, any_status=any_status)
    except h11.LocalProtocolError as error:
        return Result(False, f"not a request: {shorten(str(error))}")
    except h11.RemoteProtocolError as error:
        return Result(False, f"not HTTP: {shorten(str(error))}")
    except ssl.SSLError as error:
        return Result(False, f"TLS: {(error.reason or str(error)).lower().replace('_', ' ')}")
    except OSError as error:
        return Result(False, describe_error(error))
    except _NoPlaceError as error:
        return Result(False, str(error))


class _NoPlaceError(Exception):
    """A redirect to what is no HTTP URL."""


async def _follow(action: HttpGet, dialer: Dialer, *, any_status: bool) -> Result:
    place = _Place(action.scheme.lower(), action.host, action.port, _write_target(action.path))
    # A Host header names the server that was asked first, and stays with it.
    headers = action.headers
    for _ in range(_MOST_REDIRECTS + 1):
        status, location, address = await _request(place, headers, dialer)
        if status not in _FOLLOWED or not location:
            return Result(any_status or 200 <= status < 400, f"HTTP {status}")
        following = _resolve_location(place, address, location)
        if following is None:
            return Result(True, f"HTTP {status}, to another host")
        if not location.startswith(("/", "?")):
            headers = tuple(it for it in headers if it[0].lower() != "host")
        place = following
    return Result(False, f"more than {_MOST_REDIRECTS} redirects")


def _resolve_location(place: _Place, address: str, location: str) -> _Place | None:
    """Where a redirect leads; None for another host."""
    host = place.host or address
    authority = f"[{host}]" if ":" in host else host
    try:
        url = urlsplit(urljoin(f"{place.scheme}://{authority}:{place.port}{place.target}", location))
        port = url.port or _PORTS.get(url.scheme)
    except ValueError:
        raise _NoPlaceError(f"a redirect to no URL: {shorten(location)}") from None
    if (url.hostname or "") != host.lower():
        return None
    if port is None:
        raise _NoPlaceError(f"a redirect to no HTTP URL: {shorten(location)}")
    query = f"?{url.query}" if url.query else ""
    return _Place(url.scheme, place.host, port, _write_target(f"{url.path or '/'}{query}"))


async def _request(place: _Place, headers: tuple[tuple[str, str], ...], dialer: Dialer) -> tuple[int, str, str]:
    """The status and the location of a response, and the address that gave it."""
    async with dialer.connect(place.host, place.port) as (connected, address):
        host = place.host or address
        stream: Stream
        if place.scheme == Scheme.HTTPS.lower():
            stream = secure = TlsStream(connected, host)
            await secure.shake_hands()
        else:
            stream = PlainStream(connected)
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEADERS)
        request = h11.Request(method="GET", target=place.target, headers=_list_headers(headers, host, place.port))
        await stream.send(b"".join(connection.send(it) or b"" for it in (request, h11.EndOfMessage())))
        response = await _read_response(connection, stream)
    location = next((value for name, value in response.headers if name == b"location"), b"")
    return response.status_code, location.decode("utf-8", "replace"), address


async def _read_response(connection: h11.Connection, stream: Stream) -> h11.Response:
    response: h11.Response | None = None
    size = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive())
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            size += len(event.data)
            if response and size >= _MOST_BODY:
                return response
        elif not isinstance(event, h11.InformationalResponse):
            if response is None:
                raise h11.RemoteProtocolError("the server sent no response")
            return response


def _list_headers(headers: tuple[tuple[str, str], ...], host: str, port: int) -> list[tuple[bytes, bytes]]:
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    own = (
        ("Host", authority),
        ("User-Agent", f"podunit-probe/{__version__}"),
        ("Accept", "*/*"),
        ("Connection", "close"),
    )
    given = {name.lower() for name, _ in headers}
    # An empty value of these takes the header away.
    found = [*(it for it in own if it[0].lower() not in given)]
    found += [it for it in headers if it[1] or it[0].lower() not in ("user-agent", "accept", "host")]
    if not any(name.lower() == "host" for name, _ in found):
        found.insert(0, own[0])
    return [(name.encode(), value.encode()) for name, value in found]


def _write_target(path: str) -> str:
    plain = path.partition("#")[0]
    return quote(plain if plain.startswith("/") else f"/{plain}", safe=_TARGET)
