"""Sandboxes that start without podman: for which pods they are, and who is found to hold a port already."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from podunit.engines.netavark import is_held_by_files, make_sandbox
from podunit.load import load_files
from podunit.model import Pod
from podunit.report import Report

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
        ("volumes: [{name: v, emptyDir: {medium: Memory}}], ", ""),
        ("volumes: [{name: v, persistentVolumeClaim: {claimName: c}}], ", ""),
        ("", ", podunit/network: other"),
        ("", ", podunit/network: none"),
    ],
)
def test_what_podman_keeps_is_held_by_its_process(tmp_path: Path, more: str, notes: str) -> None:
    assert is_held_by_files(load(tmp_path))
    assert not is_held_by_files(load(tmp_path, more=more, notes=notes))


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
