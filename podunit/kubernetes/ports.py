"""The ports of a container, and where the host publishes them.

In: objects of `schema`. Out: `model.Port`, or problems.
"""

from __future__ import annotations

from podunit import model
from podunit.decode import Located
from podunit.kubernetes import schema
from podunit.kubernetes.naming import check_port_name, is_address, refuse_twice
from podunit.report import Report


def translate_ports(
    ports: tuple[schema.ContainerPort, ...], path: str, host_network: bool, report: Report
) -> tuple[model.Port, ...]:
    refuse_twice(
        [(port.name, f"{path}[{index}].name") for index, port in enumerate(ports) if port.name],
        "port",
        report,
    )
    found = []
    for index, port in enumerate(ports):
        item = f"{path}[{index}]"
        if port.name:
            check_port_name(port.name, f"{item}.name", report)
        _check_port(port.container_port, f"{item}.containerPort", report)
        if port.host_port is not None:
            _check_port(port.host_port, f"{item}.hostPort", report)
            if host_network and port.host_port.value != port.container_port.value:
                message = f"with hostNetwork it is the containerPort, {port.container_port.value}"
                report.error(port.host_port.at, f"{item}.hostPort", message)
        host_ip = _translate_host_ip(port, f"{item}.hostIP", report)
        host_port = port.host_port.value if port.host_port else None
        at = port.host_port.at if port.host_port else port.at
        name = port.name.value if port.name else ""
        found.append(model.Port(port.container_port.value, port.protocol, host_port, host_ip, at, name))
    return tuple(found)


def _check_port(port: Located[int], path: str, report: Report) -> None:
    if not 1 <= port.value <= 65535:
        report.error(port.at, path, f"{port.value} is not between 1 and 65535")


def _translate_host_ip(port: schema.ContainerPort, path: str, report: Report) -> str:
    if port.host_ip is None:
        return ""
    if not is_address(port.host_ip.value):
        hint = "write 127.0.0.1" if port.host_ip.value == "localhost" else ""
        report.error(port.host_ip.at, path, f"'{port.host_ip.value[:60]}' is not an IP address", hint)
        return ""
    if port.host_port is None:
        report.error(port.host_ip.at, path, "no effect without a hostPort", "add a hostPort, or remove this")
    return port.host_ip.value
