"""How a running container is checked: what its unit tells the prober, in JSON and in the API's words.

In: checks of the model, as objects. Out: lines of JSON, and the objects again (core/v1 Probe, Lifecycle). Written
when units are generated and read by the prober; both import nothing else of each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from podunit.record import record


class Scheme(StrEnum):
    """`scheme` of an HTTPGetAction; no certificate is verified, as the kubelet does not."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"


@record
class Exec:
    """A command in the container, without a shell; exit status 0 is a success."""

    command: tuple[str, ...]


@record
class HttpGet:
    """An HTTP request in the pod's network; a status from 200 to 399 is a success. `host` '' is the pod's address."""

    port: int
    path: str = "/"
    scheme: Scheme = Scheme.HTTP
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@record
class TcpSocket:
    """A TCP connection that can be made. `host` '' is the pod's address."""

    port: int
    host: str = ""


@record
class Grpc:
    """gRPC's health protocol; SERVING is a success. `service` '' asks for the server as a whole.

    With `tls` no certificate is verified.
    """

    port: int
    service: str = ""
    tls: bool = False


@record
class Sleep:
    """A pause; only for hooks."""

    seconds: int


# The most that a request after a start may take; what waits for it allows for a little more.
POST_START_SEC = 600

Check = Exec | HttpGet | TcpSocket | Grpc
Hook = Exec | HttpGet | Sleep


@record
class Probe:
    """A check that is made every `period_sec`; so many results in a row change the verdict.

    `grace_sec` is that of a stop which this probe causes, None for the pod's.
    """

    check: Check
    initial_delay_sec: int = 0
    period_sec: int = 10
    timeout_sec: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3
    grace_sec: int | None = None


@record
class Probes:
    """The probes of one container; None for none."""

    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None


@record
class Registration:
    """All that the prober knows of a container.

    `unit` is its service; `engine_name` is its name, and `sandbox_name` that of the container which holds the pod's
    network, as the engine knows them; `sandbox_name` is '' in the host's network. `grace_sec` is the pod's, and
    `pre_stop` is done before a stop, within it. `post_start` is done when the unit asks for it. `bundle` is where
    `inside` finds a container that crun runs without podman, '' for podman's.
    """

    pod: str
    container: str
    unit: str
    engine_name: str
    sandbox_name: str
    grace_sec: int
    probes: Probes
    pre_stop: Hook | None = None
    post_start: Hook | None = None
    bundle: str = ""


def write_registration(registration: Registration) -> tuple[str, ...]:
    """Lines, each a JSON object with a part of the whole, without what is a default."""
    probes = registration.probes
    found = {
        "pod": registration.pod,
        "container": registration.container,
        "unit": registration.unit,
        "engineName": registration.engine_name,
        "sandboxName": registration.sandbox_name or None,
        "terminationGracePeriodSeconds": registration.grace_sec,
        "bundle": registration.bundle or None,
    }
    parts = (
        {key: value for key, value in found.items() if value is not None},
        {"startupProbe": _write_probe(probes.startup)},
        {"readinessProbe": _write_probe(probes.readiness)},
        {"livenessProbe": _write_probe(probes.liveness)},
        {"preStop": write_handler(registration.pre_stop) if registration.pre_stop else None},
        {"postStart": write_handler(registration.post_start) if registration.post_start else None},
    )
    return tuple(json.dumps(part, ensure_ascii=False) for part in parts if None not in part.values())


def read_registration(text: str) -> Registration:
    """The inverse of `write_registration`, from a file of these lines.

    ValueError, KeyError or TypeError if the text is none of its.
    """
    found: dict[str, Any] = {}
    # A string may hold what Python takes for other ends of lines.
    for line in text.removesuffix("\n").split("\n"):
        found |= json.loads(line)
    return Registration(
        pod=found["pod"],
        container=found["container"],
        unit=found["unit"],
        engine_name=found["engineName"],
        sandbox_name=found.get("sandboxName", ""),
        grace_sec=found["terminationGracePeriodSeconds"],
        probes=Probes(
            *(_read_probe(found.get(name)) for name in ("startupProbe", "readinessProbe", "livenessProbe")),
        ),
        pre_stop=_read_hook(found.get("preStop")),
        post_start=_read_hook(found.get("postStart")),
        bundle=found.get("bundle", ""),
    )


def write_handler(handler: Check | Hook) -> dict[str, object]:
    """What is done, as in a Probe or a LifecycleHandler."""
    match handler:
        case Exec(command):
            return {"exec": {"command": list(command)}}
        case HttpGet(port, path, scheme, host, headers):
            action: dict[str, object] = {"path": path, "port": port}
            if scheme is not Scheme.HTTP:
                action["scheme"] = scheme.value
            if host:
                action["host"] = host
            if headers:
                action["httpHeaders"] = [{"name": name, "value": value} for name, value in headers]
            return {"httpGet": action}
        case TcpSocket(port, host):
            return {"tcpSocket": {"port": port, **({"host": host} if host else {})}}
        case Grpc(port, service, tls):
            mode = {"mode": "TLS"} if tls else {}
            return {"grpc": {"port": port, **({"service": service} if service else {}), **mode}}
        case Sleep(seconds):
            return {"sleep": {"seconds": seconds}}


def read_handler(found: Mapping[str, Any]) -> Check | Sleep:
    """The inverse of `write_handler`."""
    match found:
        case {"exec": {"command": command}}:
            return Exec(tuple(command))
        case {"httpGet": action}:
            headers = tuple((header["name"], header["value"]) for header in action.get("httpHeaders", ()))
            scheme = Scheme(action.get("scheme", Scheme.HTTP))
            return HttpGet(action["port"], action["path"], scheme, action.get("host", ""), headers)
        case {"tcpSocket": action}:
            return TcpSocket(action["port"], action.get("host", ""))
        case {"grpc": action}:
            return Grpc(action["port"], action.get("service", ""), action.get("mode") == "TLS")
        case {"sleep": action}:
            return Sleep(action["seconds"])
    raise ValueError(f"nothing to do: {found}")


_NUMBERS = (
    ("initialDelaySeconds", "initial_delay_sec", 0),
    ("periodSeconds", "period_sec", 10),
    ("timeoutSeconds", "timeout_sec", 1),
    ("successThreshold", "success_threshold", 1),
    ("failureThreshold", "failure_threshold", 3),
    ("terminationGracePeriodSeconds", "grace_sec", None),
)


def _write_probe(probe: Probe | None) -> dict[str, object] | None:
    if probe is None:
        return None
    numbers = {key: getattr(probe, name) for key, name, default in _NUMBERS if getattr(probe, name) != default}
    return {**write_handler(probe.check), **numbers}


def _read_hook(found: Mapping[str, Any] | None) -> Hook | None:
    if found is None:
        return None
    hook = read_handler(found)
    if isinstance(hook, TcpSocket | Grpc):
        raise TypeError(f"no hook: {found}")
    return hook


def _read_probe(found: Mapping[str, Any] | None) -> Probe | None:
    if found is None:
        return None
    check = read_handler(found)
    if isinstance(check, Sleep):
        raise TypeError(f"no check: {found}")
    return Probe(check, **{name: found.get(key, default) for key, name, default in _NUMBERS})
