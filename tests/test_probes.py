"""What a unit tells the prober of a container survives the way there, and is read by nobody's guess."""

import json

import pytest

from podunit.probes import (
    Exec,
    Grpc,
    HttpGet,
    Probe,
    Probes,
    Registration,
    Scheme,
    Sleep,
    TcpSocket,
    read_registration,
    write_registration,
)

_FULL = Registration(
    pod="web",
    container="main",
    unit="container@web.main.service",
    engine_name="web_main",
    sandbox_name="web_sandbox",
    grace_sec=20,
    probes=Probes(
        startup=Probe(Exec(("sh", "-c", "test -e 'a \"b\" ü\u2028\x85'")), failure_threshold=30, period_sec=1),
        readiness=Probe(
            HttpGet(8443, "/z?a=1", Scheme.HTTPS, "host.example", (("X-A", "1"), ("X-A", "2"))), 5, 6, 7, 8
        ),
        liveness=Probe(Grpc(9000, "db", tls=True), grace_sec=4),
    ),
    pre_stop=Sleep(3),
    post_start=HttpGet(8080, "/post"),
)
_LEAST = Registration("a", "b", "container@a.b.service", "a_b", "", 30, Probes(liveness=Probe(TcpSocket(80))))
_FULL_TEXT, _LEAST_TEXT = ("\n".join(write_registration(it)) for it in (_FULL, _LEAST))


@pytest.mark.parametrize("registration", [_FULL, _LEAST], ids=["full", "least"])
def test_a_registration_is_read_as_it_was_written(registration: Registration) -> None:
    lines = write_registration(registration)
    assert "\n" not in "".join(lines)
    assert read_registration("\n".join(lines) + "\n") == registration


def test_json_has_the_words_of_the_api_and_no_defaults() -> None:
    first, *rest = map(json.loads, write_registration(_LEAST))
    assert first == {
        "pod": "a",
        "container": "b",
        "unit": "container@a.b.service",
        "engineName": "a_b",
        "terminationGracePeriodSeconds": 30,
    }
    assert rest == [{"livenessProbe": {"tcpSocket": {"port": 80}}}]
    full = {key: value for line in write_registration(_FULL) for key, value in json.loads(line).items()}
    assert full["livenessProbe"] == {
        "grpc": {"port": 9000, "service": "db", "mode": "TLS"},
        "terminationGracePeriodSeconds": 4,
    }
    assert full["readinessProbe"]["httpGet"]["httpHeaders"] == [
        {"name": "X-A", "value": "1"},
        {"name": "X-A", "value": "2"},
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "{}\n{}",
        _LEAST_TEXT.replace("tcpSocket", "udpSocket"),
        _LEAST_TEXT.replace('{"tcpSocket": {"port": 80}}', '{"sleep": {"seconds": 1}}'),
        _FULL_TEXT.replace('"preStop": {"sleep": {"seconds": 3}}', '"preStop": {"grpc": {"port": 1}}'),
    ],
)
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_registration(text)
