"""The probes of a container: what is checked, and when a result counts.

In: objects of `schema`. Out: `podunit.probes.Probes`, or problems. The rules are those of the API server
(k8s.io/kubernetes/pkg/apis/core/validation); a named port is one of the container's own, as for the kubelet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from podunit.decode import Located, suggest
from podunit.kubernetes import schema
from podunit.kubernetes.environment import Environment
from podunit.kubernetes.schema_probes import ExecAction, GRPCAction, GrpcMode, HTTPGetAction, Probe, TCPSocketAction
from podunit.probes import Check, Exec, Grpc, HttpGet, Probes, TcpSocket
from podunit.probes import Probe as ModelProbe
from podunit.report import Report

_MAX = 2**31 - 1
_HEADER = re.compile(r"[-A-Za-z0-9!#$%&'*+.^_`|~]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What a host, or a path with its query, may be made of: whatever does not end the line of a request, or its first word.
_NO_WORD = re.compile(r"[\x00-\x20\x7f]")
_HANDLERS = "exec, httpGet, tcpSocket, grpc"


def translate_probes(container: schema.Container, path: str, environment: Environment, report: Report) -> Probes:
    """All probes of a container; `environment` expands the commands among them."""

    def translate(probe: Probe | None, name: str) -> ModelProbe | None:
        return None if probe is None else _translate_probe(probe, f"{path}.{name}", container, environment, report)

    for probe, name in ((container.liveness_probe, "livenessProbe"), (container.startup_probe, "startupProbe")):
        if probe and probe.success_threshold and probe.success_threshold.value not in (0, 1):
            _refuse(
                probe.success_threshold, f"{path}.{name}.successThreshold", "is not 1, as it has to be here", report
            )
    readiness = container.readiness_probe
    if readiness and readiness.termination_grace_period_seconds:
        grace = readiness.termination_grace_period_seconds
        message = "not for a readinessProbe, which stops nothing"
        report.error(grace.at, f"{path}.readinessProbe.terminationGracePeriodSeconds", message, "remove it")
    return Probes(
        startup=translate(container.startup_probe, "startupProbe"),
        readiness=translate(readiness, "readinessProbe"),
        liveness=translate(container.liveness_probe, "livenessProbe"),
    )


def refuse_probes(containers: Iterable[schema.Container], path: str, report: Report) -> None:
    """No probes for init containers that end: nothing asks whether they are alive."""
    for index, container in enumerate(containers):
        if container.restart_policy is not None:
            continue
        for probe, name in (
            (container.startup_probe, "startupProbe"),
            (container.readiness_probe, "readinessProbe"),
            (container.liveness_probe, "livenessProbe"),
        ):
            if probe is not None:
                message = "an init container that is no sidecar has no probes"
                hint = "remove it, or write 'restartPolicy: Always' for a sidecar"
                report.error(probe.at, f"{path}[{index}].{name}", message, hint)


def translate_exec(action: ExecAction, path: str, report: Report) -> tuple[Located[str], ...]:
    """The words of a command, at least one."""
    if not action.command:
        report.error(action.at, f"{path}.exec", "'command' is missing", "write it as a list: [sh, -c, …]")
    return action.command


def translate_http(action: HTTPGetAction, path: str, container: schema.Container, report: Report) -> HttpGet:
    """An HTTP request; a port's name is one of the container's."""
    path = f"{path}.httpGet"
    host = _translate_host(action.host, path, report)
    place = action.path.value if action.path else ""
    if action.path and _NO_WORD.search(place):
        report.error(
            action.path.at, f"{path}.path", "a space or control character is not allowed here", "write it as %20"
        )
    for index, header in enumerate(action.http_headers):
        item = f"{path}.httpHeaders[{index}]"
        if not _HEADER.fullmatch(header.name.value):
            hint = "use letters, digits and '-'"
            report.error(header.name.at, f"{item}.name", f"'{header.name.value[:60]}' is not a name of a header", hint)
        if _CONTROL.search(header.value.value):
            report.error(
                header.value.at, f"{item}.value", "a control character is not allowed in a header", "remove it"
            )
    return HttpGet(
        port=_find_port(action.port, f"{path}.port", container, report),
        path=place if place.startswith("/") else f"/{place}",
        scheme=action.scheme,
        host=host,
        headers=tuple((header.name.value, header.value.value) for header in action.http_headers),
    )


def _translate_probe(
    probe: Probe, path: str, container: schema.Container, environment: Environment, report: Report
) -> ModelProbe | None:
    found: list[Check] = []
    if probe.exec:
        words = translate_exec(probe.exec, path, report)
        found.append(
            Exec(tuple(_expand(word, f"{path}.exec.command[{i}]", environment, report) for i, word in enumerate(words)))
        )
    if probe.http_get:
        found.append(translate_http(probe.http_get, path, container, report))
    if probe.tcp_socket:
        found.append(_translate_tcp(probe.tcp_socket, f"{path}.tcpSocket", container, report))
    if probe.grpc:
        found.append(_translate_grpc(probe.grpc, f"{path}.grpc", report))
    if len(found) != 1:
        message = "says nothing to check" if not found else "more than one thing to check"
        report.error(probe.at, path, message, f"write one of {_HANDLERS}" if not found else f"keep one of {_HANDLERS}")
        return None
    grace = probe.termination_grace_period_seconds
    if grace and not 1 <= grace.value <= _MAX:
        _refuse(grace, f"{path}.terminationGracePeriodSeconds", f"is not between 1 and {_MAX}", report)
    return ModelProbe(
        found[0],
        initial_delay_sec=_read_number(probe.initial_delay_seconds, f"{path}.initialDelaySeconds", 0, report),
        period_sec=_read_number(probe.period_seconds, f"{path}.periodSeconds", 10, report),
        timeout_sec=_read_number(probe.timeout_seconds, f"{path}.timeoutSeconds", 1, report),
        success_threshold=_read_number(probe.success_threshold, f"{path}.successThreshold", 1, report),
        failure_threshold=_read_number(probe.failure_threshold, f"{path}.failureThreshold", 3, report),
        grace_sec=grace.value if grace else None,
    )


def _translate_tcp(action: TCPSocketAction, path: str, container: schema.Container, report: Report) -> TcpSocket:
    return TcpSocket(
        _find_port(action.port, f"{path}.port", container, report), _translate_host(action.host, path, report)
    )


def _translate_grpc(action: GRPCAction, path: str, report: Report) -> Grpc:
    if not 1 <= action.port.value <= 65535:
        _refuse(action.port, f"{path}.port", "is not between 1 and 65535", report)
    return Grpc(action.port.value, action.service.value if action.service else "", tls=action.mode is GrpcMode.TLS)


def _translate_host(host: Located[str] | None, path: str, report: Report) -> str:
    if host is None:
        return ""
    if _NO_WORD.search(host.value) or "/" in host.value:
        report.error(host.at, f"{path}.host", f"'{host.value[:60]}' is not the name or address of a host")
    return host.value


def _find_port(port: Located[str], path: str, container: schema.Container, report: Report) -> int:
    if re.fullmatch(r"-?[0-9]+", port.value):
        number = int(port.value[:20])
        if not 1 <= number <= 65535:
            _refuse(port, path, "is not between 1 and 65535", report)
        return number
    names = {one.name.value: one.container_port.value for one in container.ports if one.name}
    if port.value not in names:
        hint = suggest(port.value, names) or f"it has {', '.join(names) or 'none'}"
        message = f"container '{container.name.value}' has no port named '{port.value[:60]}'"
        report.error(port.at, path, message, hint)
    return names.get(port.value, 0)


def _expand(word: Located[str], path: str, environment: Environment, report: Report) -> str:
    text = environment.expand(word, path)
    if isinstance(text, str):
        return text
    report.error(word.at, path, "refers to what only a running pod knows", "let a shell look it up: [sh, -c, …]")
    return ""


def _read_number(number: Located[int] | None, path: str, default: int, report: Report) -> int:
    """A number of seconds or results; 0 is the default, as for the API."""
    if number is None:
        return default
    if not 0 <= number.value <= _MAX:
        _refuse(number, path, f"is not between 0 and {_MAX}", report)
    return number.value or default


def _refuse(found: Located[int] | Located[str], path: str, message: str, report: Report) -> None:
    report.error(found.at, path, f"{found.value} {message}")
