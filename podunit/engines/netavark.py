"""The sandbox of a pod without a process: files that hold its namespaces, and netavark, which connects them.

In: the model. Out: words for `unitfile` to quote, and what other modules have to know of these files. netavark is the
program that podman itself has for networks; what it is told here is what podman would tell it, on the same network.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json

from podunit.chosen import Engine
from podunit.engines.parts import has_claim_parts
from podunit.engines.podman import Door, list_published
from podunit.engines.programs import sandbox_directory, sandbox_name
from podunit.engines.volumes import list_claims
from podunit.model import Pod, Port, Processes, Protocol
from podunit.scope import Scope
from podunit.target import Target
from podunit.unitfile import Specifier, Word

# As podman's own, which containers-common sets.
SHARED_MEMORY = "65536000"

# What that of Debian 12 connects, it has other rules for, which nobody has tried.
_OPENS_FILES = (5,)

# States of sockets in /proc/net (net/tcp_states.h): one that listens, and one of UDP that is not connected.
_STATES = {Protocol.TCP: "0A", Protocol.UDP: "07"}


def can_be_held_by_files(pod: Pod) -> bool:
    """Whether files can hold the pod's namespaces; else a process of podman's has to.

    It has to where processes and users are the pod's; where others than podman mount claims, which it would take for
    unused, and has not mounted; where the sandbox may run for so long only, since systemd counts the time of processes;
    and where names and networks are not podunit's alone, or the host's.
    """
    containers = (*pod.init_containers, *pod.containers)
    deadlines = (pod.deadline_sec, pod.run.deadline_sec if pod.run else None)
    return (
        pod.network is not None
        and (pod.network.own or pod.host_network)
        and not pod.host_ipc
        and not pod.own_users
        and pod.processes is Processes.OWN
        and (pod.resolver is None or pod.resolver.replaces_host)
        and deadlines == (None, None)
        and not (pod.engine is Engine.CRUN and list_claims(pod))
        and not any(has_claim_parts(container) for container in containers)
    )


def is_held_by_files(pod: Pod, scope: Scope, target: Target) -> bool:
    """Whether files do hold them, on a host of this kind. That of a user has to map users, which a process does."""
    if not can_be_held_by_files(pod):
        return False
    assert pod.network
    return pod.engine is Engine.CRUN or (
        scope is Scope.SYSTEM
        and target.podman >= _OPENS_FILES
        and not target.labels
        and (pod.host_network or pod.network.name not in target.full_networks)
    )


def address_directory(pod: Pod) -> tuple[str | Specifier, ...]:
    """Where a file stands for each address that a pod of this network has."""
    assert pod.network
    return (Specifier.RUNTIME_DIR, f"/podunit-addresses/{pod.network.name}")


def remove_sandbox(pod: Pod) -> tuple[Word, ...]:
    """What the script that removes a sandbox has to know, in this order."""
    if pod.host_network:
        return (sandbox_directory(pod),)
    return (sandbox_directory(pod), address_directory(pod), sandbox_name(pod))


def make_sandbox(pod: Pod) -> tuple[Word, ...]:
    """What the script that makes a sandbox has to know, in this order; it begins with that of `remove_sandbox`.

    What netavark is told is cut where the addresses stand, and the network as podman knows it.
    """
    hosts = (f"{address} {name}" for name, address in pod.hosts)
    if pod.host_network:
        return (*remove_sandbox(pod), *hosts)
    assert pod.network
    identity = hashlib.sha256(sandbox_name(pod).encode()).hexdigest()
    ports = [
        {
            "host_ip": port.host_ip,
            "container_port": port.container_port,
            "host_port": port.host_port,
            "range": 1,
            "protocol": port.protocol.lower(),
        }
        for port in list_published(pod)
    ]
    interface = {
        "interface_name": "eth0",
        "aliases": list(dict.fromkeys((pod.name, *pod.aliases, identity[:12]))),
        "static_ips": ["@", "@"],
    }
    told = {
        "container_id": identity,
        "container_name": sandbox_name(pod),
        "port_mappings": ports,
        "networks": {pod.network.name: interface},
        "network_info": {pod.network.name: "@"},
    }
    before, between, after, end = _spell(told).replace('"@"}}', "@}}").split("@")
    return (
        *remove_sandbox(pod),
        (Specifier.RUNTIME_DIR, f"/podunit-networks/{pod.network.name}"),
        pod.network.name,
        pod.hostname,
        "|".join(_find_holder(port) for port in list_published(pod)),
        *(before, between, after, end),
        *hosts,
    )


def connect_again(pod: Pod) -> tuple[Word, ...]:
    """Make the rules for published ports once more, which a reload of the firewall has dropped."""
    script = 'read -r netavark < "$1/netavark"; for how in teardown setup; do $netavark $how "$1/net" < "$1/told"; done'
    return ("/bin/sh", "-c", script, "reload", sandbox_directory(pod))


def set_parameters(pod: Pod) -> tuple[Word, ...] | None:
    """Set what the kernel keeps for each network and IPC namespace."""
    if not pod.sysctls:
        return None
    files = (f"/proc/sys/{name.replace('.', '/')}={value}" for name, value in pod.sysctls)
    script = 'for one; do printf "%s\\n" "${one#*=}" > "${one%%=*}" || exit; done'
    directory = sandbox_directory(pod)
    kinds = ("ipc",) if pod.host_network else ("net", "ipc", "uts")
    enter: list[Word] = [(f"--{kind}=", *directory, f"/{kind}") for kind in kinds]
    return ("/usr/bin/nsenter", *enter, "/bin/sh", "-c", script, "sysctl", *files)


def find_door(pod: Pod) -> Door:
    """The way into the pod's network."""
    if pod.host_network:
        return Door('enter() { "$@"; }', sandbox_name(pod))
    return Door('network=$1; enter() { nsenter --net="$network" "$@"; }', (*sandbox_directory(pod), "/net"))


def _spell(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _find_holder(port: Port) -> str:
    """An extended regular expression of who holds a port already: sockets in /proc/net, ports of other pods."""
    assert port.host_port is not None
    number = f"{port.host_port:04X}"
    any_address = "0{8}|0{32}"
    own = "[0-9A-F]+" if not port.host_ip else f"({any_address}|{_spell_address(port.host_ip)})"
    other = f'"host_ip":"{f"({port.host_ip})?" if port.host_ip else "[^ ,]*"}"'
    rest = f',"container_port":[0-9]+,"host_port":{port.host_port},"range":1,"protocol":"{port.protocol.lower()}"'
    state = _STATES.get(port.protocol)
    return f"{other}{rest}" + (f"| {own}:{number} [0-9A-F]+:[0-9A-F]+ {state}" if state else "")


def _spell_address(address: str) -> str:
    # Words of 32 bits, each as it is in the memory of a machine that is little-endian.
    packed = ipaddress.ip_address(address).packed
    return "".join(packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4))
