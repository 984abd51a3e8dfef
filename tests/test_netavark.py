"""Sandboxes that start without podman: for which pods they are, and who is found to hold a port already."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from podunit.chosen import Engine
from podunit.engines.netavark import can_be_held_by_files, is_held_by_files, make_sandbox
from podunit.host import labels_files, list_full_networks
from podunit.load import load_files
from podunit.model import Mount, Pod
from podunit.report import Report
from podunit.scope import Scope
from podunit.target import OLDEST, Target

_HEAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, annotations: {podunit/engine: crun%s}}\nspec: {%scontainers: "
_SOCKETS = [Path("/proc/net/tcp"), Path("/proc/net/tcp6"), Path("/proc/net/udp"), Path("/proc/net/udp6")]


def load(folder: Path, *, port: str = "", more: str = "", notes: str = "") -> Pod:
    """The one pod of a file."""
    ports = f"ports: [{{containerPort: 80, {port}}}]" if port else ""
    file = folder / "pod.yaml"
    file.write_text(f"{_HEAD % (notes, more)}[{{name: a, image: i, {ports}}}]}}\n")
    report = Report()
    workload = load_files([str(file)], report)
    assert workload, report.problems
    return workload.pods[0]


def find_holders(pod: Pod, text: str) -> list[str]:
    """The lines of a text by which the start of a pod would fail."""
    pattern = next(word for word in make_sandbox(pod) if isinstance(word, str) and "container_port" in word)
    return [line for line in text.splitlines() if re.search(pattern, line)]


@pytest.mark.parametrize(
    ("more", "notes"),
    [
        ("shareProcessNamespace: true, ", ""),
        ("activeDeadlineSeconds: 9, ", ""),
        ("dnsConfig: {nameservers: [192.0.2.1]}, ", ""),
        ("volumes: [{name: v, persistentVolumeClaim: {claimName: c}}], ", ""),
        ("", ", podunit/network: other"),
        ("", ", podunit/network: none"),
    ],
)
def test_what_podman_keeps_is_held_by_its_process(tmp_path: Path, more: str, notes: str) -> None:
    assert can_be_held_by_files(load(tmp_path))
    assert not can_be_held_by_files(load(tmp_path, more=more, notes=notes))


@pytest.mark.parametrize(
    "more",
    [
        "volumes: [{name: v, emptyDir: {medium: Memory}}], ",
        "dnsPolicy: None, dnsConfig: {nameservers: [192.0.2.1]}, ",
        "hostNetwork: true, ",
    ],
)
def test_what_systemd_can_make_needs_no_process(tmp_path: Path, more: str) -> None:
    for engine in Engine:
        pod = replace(load(tmp_path, more=more), engine=engine)
        assert is_held_by_files(pod, Scope.SYSTEM, Target(257, (5, 4, 2)))
        assert is_held_by_files(pod, Scope.SYSTEM, OLDEST) is (engine is Engine.CRUN)


def test_podman_knows_who_uses_a_claim_by_its_containers_alone(tmp_path: Path) -> None:
    pod = load(tmp_path, more="volumes: [{name: v, persistentVolumeClaim: {claimName: c}}], ")
    for engine in Engine:
        assert can_be_held_by_files(replace(pod, engine=engine)) is (engine is Engine.PODMAN)
    (container,) = pod.containers
    mount = Mount(pod.volumes[0], "/c", "part", read_only=False, at=pod.at)
    part = replace(pod, engine=Engine.PODMAN, containers=(replace(container, mounts=(mount,)),))
    assert not can_be_held_by_files(part)


@pytest.mark.parametrize(
    ("engine", "scope", "target", "held"),
    [
        (Engine.CRUN, Scope.SYSTEM, Target(), True),
        (Engine.PODMAN, Scope.SYSTEM, Target(257, (5, 4, 2)), True),
        (Engine.PODMAN, Scope.SYSTEM, Target(257, (5, 4, 2), labels=True), False),
        (Engine.PODMAN, Scope.SYSTEM, Target(257, (4, 9, 3)), False),
        (Engine.PODMAN, Scope.SYSTEM, Target(257, (5, 4, 2), full_networks=frozenset({"podunit"})), False),
        (Engine.PODMAN, Scope.SYSTEM, Target(257, (5, 4, 2), full_networks=frozenset({"podman"})), True),
        (Engine.PODMAN, Scope.USER, Target(257, (5, 4, 2)), False),
    ],
)
def test_files_hold_where_podman_can_open_them(
    tmp_path: Path, engine: Engine, scope: Scope, target: Target, held: bool
) -> None:
    assert is_held_by_files(replace(load(tmp_path), engine=engine), scope, target) is held


@pytest.mark.parametrize(
    ("kind", "bound", "wanted", "found"),
    [
        ("tcp", "0.0.0.0", "", True),
        ("tcp", "127.0.0.1", "", True),
        ("tcp", "::", "", True),
        ("tcp", "0.0.0.0", "hostIP: 127.0.0.1", True),
        ("tcp", "127.0.0.1", "hostIP: 127.0.0.1", True),
        ("tcp", "127.0.0.2", "hostIP: 127.0.0.1", False),
        ("tcp", "::1", "hostIP: '::1'", True),
        ("udp", "0.0.0.0", "", False),
        ("udp", "127.0.0.1", "protocol: UDP", True),
        ("tcp", "0.0.0.0", "protocol: UDP", False),
    ],
)
def test_who_listens_at_a_port_holds_it(tmp_path: Path, kind: str, bound: str, wanted: str, found: bool) -> None:
    family = socket.AF_INET6 if ":" in bound else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as held:
        held.bind((bound, 0))
        if kind == "tcp":
            held.listen()
        number = held.getsockname()[1]
        text = "".join(file.read_text() for file in _SOCKETS if file.exists())
    pod = load(tmp_path, port=f"hostPort: {number}{', ' * bool(wanted)}{wanted}")
    assert bool(find_holders(pod, text)) is found


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("hostPort: 80", "hostPort: 80", True),
        ("hostPort: 80", "hostPort: 81", False),
        ("hostPort: 80", "hostPort: 80, protocol: UDP", False),
        ("hostPort: 80", "hostPort: 80, hostIP: 192.0.2.1", True),
        ("hostPort: 80, hostIP: 192.0.2.1", "hostPort: 80", True),
        ("hostPort: 80, hostIP: 192.0.2.1", "hostPort: 80, hostIP: 192.0.2.2", False),
    ],
)
def test_another_pod_that_publishes_a_port_holds_it(tmp_path: Path, first: str, second: str, found: bool) -> None:
    told = "".join(word for word in make_sandbox(load(tmp_path, port=first)) if isinstance(word, str))
    assert bool(find_holders(load(tmp_path, port=second), told.partition("}]")[0])) is found


def test_what_netavark_is_told_is_whole_with_addresses_and_network(tmp_path: Path) -> None:
    words = [word for word in make_sandbox(load(tmp_path, port="hostPort: 80")) if isinstance(word, str)]
    before, between, after, end = words[-4:]
    told = json.loads(f'{before}192.0.2.7{between}2001:db8::7{after}{{"id":"1"}}{end}')
    assert told["networks"]["podunit"]["static_ips"] == ["192.0.2.7", "2001:db8::7"]
    assert told["network_info"] == {"podunit": {"id": "1"}}
    assert json.loads(f'{before}192.0.2.7{after}{{"id":"1"}}{end}')["networks"]["podunit"]["static_ips"] == [
        "192.0.2.7"
    ]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (None, False),
        ("# SELINUX=enforcing\nSELINUX=disabled\nSELINUXTYPE=targeted\n", False),
        ("SELINUX=enforcing\n", True),
        ("SELINUX = permissive \n", True),
    ],
)
def test_a_tree_says_whether_selinux_will_label_its_files(tmp_path: Path, text: str | None, labels: bool) -> None:
    if text is not None:
        (tmp_path / "etc/selinux").mkdir(parents=True)
        (tmp_path / "etc/selinux/config").write_text(text)
    assert labels_files(tmp_path) is labels


@pytest.mark.parametrize(
    ("subnets", "is_full"),
    [
        ('[{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}]', True),
        ('[{"subnet": "10.89.0.0/23", "lease_range": {"end_ip": "10.89.0.255"}}, {"subnet": "fd00::/64"}]', False),
        ('[{"subnet": "fd00::/64", "lease_range": {"end_ip": "fd00::ff"}}]', True),
        ("null", True),
        ("[", True),
    ],
)
def test_a_network_is_full_of_which_podman_gives_all_addresses(tmp_path: Path, subnets: str, is_full: bool) -> None:
    folder = tmp_path / "etc/containers/networks"
    folder.mkdir(parents=True)
    (folder / "backend.json").write_text(f'{{"name": "backend", "subnets": {subnets}}}')
    assert list_full_networks(tmp_path) == ({"backend"} if is_full else frozenset())
