"""Services: under which names a pod is found on its network, and which of its ports the host publishes.

In: documents of kind Service, and the pods that they select. Out: pods with names and ports, or problems.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

from podunit import model
from podunit.decode import Located, Table, decode, suggest
from podunit.kubernetes.naming import check_label_name, check_port_name
from podunit.kubernetes.schema import ObjectMeta
from podunit.kubernetes.schema_probes import PortOrName
from podunit.kubernetes.verdicts import ignored_fields, refused_fields
from podunit.model import Pod, Port, Protocol, Redirect
from podunit.names import DEFAULT_NAMESPACE
from podunit.record import record
from podunit.report import Position, Report
from podunit.source import Mapping as Node

_DOMAIN = "svc.cluster.local"
# kube-apiserver's default of --service-node-port-range.
_NODE_PORT_MIN, _NODE_PORTS = 30000, 2768


class ServiceType(StrEnum):
    """`spec.type` of a Service."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"
    EXTERNAL_NAME = "ExternalName"


@record
class ServicePort:
    """core/v1 ServicePort."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("ServicePort")

    port: Located[int]
    at: Position
    name: Located[str] | None = None
    protocol: Protocol = Protocol.TCP
    target_port: Located[PortOrName] | None = None
    node_port: Located[int] | None = None


@record
class ServiceSpec:
    """core/v1 ServiceSpec."""

    unsupported: ClassVar[Mapping[str, str]] = refused_fields("ServiceSpec")
    ignored: ClassVar[Mapping[str, str]] = ignored_fields("ServiceSpec")

    at: Position
    ports: tuple[ServicePort, ...] = ()
    selector: Table[Located[str]] = field(default_factory=Table)
    type: Located[ServiceType] | None = None
    cluster_ip: Located[str] | None = field(default=None, metadata={"key": "clusterIP"})


@record
class ServiceObject:
    """core/v1 Service."""

    ignored: ClassVar[Mapping[str, str]] = ignored_fields("Service")

    api_version: Located[str]
    kind: Located[str]
    metadata: ObjectMeta
    spec: ServiceSpec
    at: Position


@dataclass(slots=True)
class Services:
    """The Services of one command."""

    _found: dict[str, ServiceObject] = field(default_factory=dict)
    _kept: set[str] = field(default_factory=set)

    def read(self, node: Node, report: Report, *, kept: bool) -> None:
        """Take a Service in, a `kept` one from an earlier apply; a second one of the name is a problem."""
        service = decode(node, ServiceObject, "", report)
        if not service:
            return
        name = service.metadata.name
        check_label_name(name, "metadata.name", "Service", report)
        first = self._found.setdefault(name.value, service)
        if first is not service:
            hint = f"the first is at {first.metadata.name.at}"
            report.error(name.at, "metadata.name", f"a second Service '{name.value}'", hint)
        _check_spec(name.value, service.spec, report)
        if kept:
            self._kept.add(name.value)

    def attach(self, pods: Iterable[Pod], report: Report) -> tuple[Pod, ...]:
        """The pods with the names and ports that the Services give them."""
        found = list(pods)
        for service in self._found.values():
            kept = service.metadata.name.value in self._kept
            selected = _select(service, found, kept=kept, report=report)
            if not selected and not kept:
                message = f"Service '{service.metadata.name.value}' selects no pod"
                hint = "it is kept for pods that are applied later"
                report.warning(service.spec.at, "spec.selector", message, hint)
            found = [_attach(service, pod, report) if pod in selected else pod for pod in found]
        return tuple(found)


def _check_spec(name: str, spec: ServiceSpec, report: Report) -> None:
    kind = spec.type.value if spec.type else ServiceType.CLUSTER_IP
    if spec.type and kind is ServiceType.EXTERNAL_NAME:
        hint = "write the name itself where it is used, or hostAliases"
        report.error(spec.type.at, "spec.type", "'ExternalName' is not supported", hint)
    if spec.cluster_ip and spec.cluster_ip.value not in ("", "None"):
        message = "the address is the pod's, and podman's to choose"
        report.error(spec.cluster_ip.at, "spec.clusterIP", message, "remove it: pods find it by the Service's name")
    if not spec.selector.entries and kind is not ServiceType.EXTERNAL_NAME:
        message = "without a selector the addresses are those of Endpoints, to which nothing here forwards"
        hint = "select a pod by its labels; a server elsewhere is reached by its own name, or by one of hostAliases"
        report.error(spec.at, "spec.selector", message, hint)
    for index, port in enumerate(spec.ports):
        path = f"spec.ports[{index}]"
        if port.name:
            check_port_name(port.name, f"{path}.name", report)
        for number, key in ((port.port, "port"), (port.node_port, "nodePort")):
            if number and not 1 <= number.value <= 65535:
                report.error(number.at, f"{path}.{key}", f"{number.value} is not between 1 and 65535")
        if port.node_port and kind is ServiceType.CLUSTER_IP:
            hint = "write 'type: NodePort'"
            report.error(port.node_port.at, f"{path}.nodePort", "no effect with type ClusterIP", hint)
        if kind is ServiceType.NODE_PORT and not port.node_port:
            chosen = _choose_port(name, port)
            message = f"'nodePort' is missing: {chosen} is taken, by the Service's name and port"
            report.warning(port.at, path, message, "name the port of the host that you want")


def _choose_port(service: str, port: ServicePort) -> int:
    """A port of the range that a cluster takes one of, always the same for the same Service and port."""
    text = f"{service}/{port.port.value}/{port.protocol}"
    return _NODE_PORT_MIN + zlib.crc32(text.encode()) % _NODE_PORTS


def _select(service: ServiceObject, pods: Iterable[Pod], *, kept: bool, report: Report) -> tuple[Pod, ...]:
    """The pods of the Service's namespace that have its labels; what that means of several of them is said."""
    wanted = {(key.value, value.value) for key, value in service.spec.selector.entries}
    namespace = service.metadata.namespace.value if service.metadata.namespace else DEFAULT_NAMESPACE
    found = tuple(pod for pod in pods if wanted and pod.namespace == namespace and wanted <= set(pod.labels))
    if len(found) < 2 or _is_headless(service):
        return found
    at = next((key.at for key, _ in service.spec.selector.entries), service.spec.at)
    names = ", ".join(pod.name for pod in found)
    if any(_list_host_ports(service, port) for port in service.spec.ports):
        hint = "select one of them, or write 'type: ClusterIP', and the name has all their addresses"
        report.error(at, "spec.selector", f"selects several pods, {names}: one port of the host leads to one", hint)
        # Of several, the ports would be in each other's way.
        return found[:1]
    if not kept:
        message = f"selects several pods, {names}: there is no address that stands for all of them"
        hint = "the name has the addresses of those that run, and clients choose"
        report.warning(at, "spec.selector", message, hint)
    return found


def _attach(service: ServiceObject, pod: Pod, report: Report) -> Pod:
    name = service.metadata.name
    if pod.host_network or pod.network is None:
        network = "the host's network" if pod.host_network else "no network"
        message = f"Service '{name.value}' selects pod '{pod.name}', which has {network}"
        report.error(name.at, "metadata.name", message, "its ports are the host's own, or nobody's")
        return pod
    aliases = _name(name.value, pod.namespace)
    if _is_headless(service) and pod.subdomain == name.value:
        host = pod.hostname.partition(".")[0]
        aliases += _name(f"{host}.{name.value}", pod.namespace)
    published = list(pod.published)
    redirects = list(pod.redirects)
    for index, port in enumerate(service.spec.ports):
        target = _find_target(port, pod, f"spec.ports[{index}].targetPort", report)
        if target is None:
            continue
        # Below a headless name a client sees the pod as it is.
        if port.port.value != target and not _is_headless(service):
            redirect = Redirect(port.port.value, port.protocol, target)
            _check_redirect(redirect, port.port, f"spec.ports[{index}].port", pod, report)
            redirects.append(redirect)
        for number in _list_host_ports(service, port):
            published.append(Port(target, port.protocol, number.value, "", number.at))
    return replace(
        pod,
        aliases=tuple(dict.fromkeys((*pod.aliases, *aliases))),
        published=tuple(published),
        redirects=tuple(dict.fromkeys(redirects)),
    )


def _check_redirect(redirect: Redirect, port: Located[int], path: str, pod: Pod, report: Report) -> None:
    """A redirect takes all that arrives at its port: nothing else may be there."""
    number, protocol = redirect.port, redirect.protocol
    containers = (*pod.init_containers, *pod.containers)
    if any(own.container_port == number and own.protocol is protocol for one in containers for own in one.ports):
        message = f"pod '{pod.name}' has a containerPort {number} of its own, which could not be reached any more"
        report.error(port.at, path, message, "let the Service have another port")
    if any(it.port == number and it.protocol is protocol and it != redirect for it in pod.redirects):
        message = f"another Service leads port {number} of pod '{pod.name}' to another targetPort"
        report.error(port.at, path, message, "let one of them have another port")


def _name(name: str, namespace: str) -> tuple[str, ...]:
    """The forms in which a name of the cluster's DNS is written."""
    return (name, f"{name}.{namespace}", f"{name}.{namespace}.svc", f"{name}.{namespace}.{_DOMAIN}")


def _is_headless(service: ServiceObject) -> bool:
    return service.spec.cluster_ip is not None and service.spec.cluster_ip.value == "None"


def _list_host_ports(service: ServiceObject, port: ServicePort) -> list[Located[int]]:
    match service.spec.type.value if service.spec.type else ServiceType.CLUSTER_IP:
        case ServiceType.LOAD_BALANCER:
            return [port.port, *((port.node_port,) if port.node_port else ())]
        case ServiceType.NODE_PORT:
            return [port.node_port or Located(_choose_port(service.metadata.name.value, port), port.at)]
    return []


def _find_target(port: ServicePort, pod: Pod, path: str, report: Report) -> int | None:
    target = port.target_port
    if target is None:
        return port.port.value
    if re.fullmatch(r"[0-9]{1,5}", target.value):
        number = int(target.value)
        if not 1 <= number <= 65535:
            report.error(target.at, path, f"{number} is not between 1 and 65535")
        return number
    containers: tuple[model.Container, ...] = (*pod.init_containers, *pod.containers)
    names = {one.name: one.container_port for container in containers for one in container.ports if one.name}
    if target.value in names:
        return names[target.value]
    hint = suggest(target.value, names) or f"it has {', '.join(names) or 'none'}"
    report.error(target.at, path, f"pod '{pod.name}' has no port named '{target.value[:60]}'", hint)
    return None
