"""Sockets in other networks: they are where the pod is, and the prober stays where it was."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from podunit.prober.checks import Checks
from podunit.prober.doorkeeper import UserDoor
from podunit.prober.networks import DirectDoor, Networks, open_stream
from podunit.prober.series import Result
from podunit.probes import Probes, Registration, TcpSocket
from tests.prober_world import count_descriptors

# A monitor with one child, which has a network of its own and an address there, and serves at port 80.
_MONITOR = """
import ctypes, fcntl, os, socket, struct, sys, time
if os.fork():
    time.sleep(60)
if ctypes.CDLL(None).unshare(0x40000000 | int(sys.argv[2])):
    sys.exit(1)
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
name = b"lo" if sys.argv[1] == "127.0.0.1" else b"lo:1"
request = struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(sys.argv[1]))
fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", 1))
fcntl.ioctl(control, 0x8916, request)
server = socket.create_server((sys.argv[1], 80))
print("ready", flush=True)
time.sleep(60)
"""


class Pod:
    """A sandbox as podman leaves it."""

    def __init__(self, run: Path, address: str, others: int = 0) -> None:
        (run / "podunit").mkdir(exist_ok=True)
        argv = (sys.executable, "-c", _MONITOR, address, str(others))
        self._monitor = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self._monitor.stdout
        if self._monitor.stdout.readline() != "ready\n":
            pytest.skip("needs root, to make networks")
        self._monitor.stdout.close()
        self._file = run / "podunit" / "web_sandbox.pid"
        self._file.write_text(f"{self._monitor.pid}\n")
        children = Path(f"/proc/{self._monitor.pid}/task/{self._monitor.pid}/children")
        self.process = int(children.read_text())

    def kill(self) -> None:
        """End the sandbox, and leave its file."""
        if self._monitor.poll() is None:
            ended = os.pidfd_open(self.process)
            os.kill(self.process, 9)
            select.select([ended], [], [])
            os.close(ended)
            self._monitor.kill()
            self._monitor.wait()


@pytest.fixture(params=["127.0.0.1", "10.9.8.7"])
def address(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# The host's user namespace, as root's pods are in it, and one of its own.
@pytest.fixture(params=[0, 0x10000000])
def pod(tmp_path: Path, address: str, request: pytest.FixtureRequest) -> Iterator[Pod]:
    found = Pod(tmp_path, address, request.param)
    yield found
    found.kill()


@pytest.fixture(params=[DirectDoor, UserDoor])
def door(request: pytest.FixtureRequest) -> Iterator[DirectDoor | UserDoor]:
    found = request.param()
    yield found
    if isinstance(found, UserDoor):
        found.close()


def check(networks: Networks, port: int, host: str = "") -> Result:
    registration = Registration("web", "main", "u", "web.main", "web_sandbox", 30, Probes())
    return asyncio.run(Checks(registration, Path("/nonexistent"), networks).make(TcpSocket(port, host), 20))


def test_checks_are_made_in_the_network_of_the_pod(
    tmp_path: Path, pod: Pod, address: str, door: DirectDoor | UserDoor
) -> None:
    own = Path("/proc/thread-self/ns/net").readlink()
    networks = Networks(tmp_path, door.open_stream)
    assert check(networks, 80) == Result(True, "connected")
    assert check(networks, 80, address) == Result(True, "connected")
    assert check(networks, 81) == Result(False, "connection refused")
    stream, found = networks.open_stream("web_sandbox", "")
    stream.close()
    assert found == address
    assert Path("/proc/thread-self/ns/net").readlink() == own
    assert own != Path(f"/proc/{pod.process}/ns/net").readlink()


def test_a_network_that_a_file_holds_is_entered_and_not_kept(tmp_path: Path, pod: Pod) -> None:
    (tmp_path / "podunit" / "web_sandbox.pid").unlink()
    (tmp_path / "podunit" / "web_sandbox").mkdir()
    # As good as a bind mount of it.
    (tmp_path / "podunit" / "web_sandbox" / "net").symlink_to(f"/proc/{pod.process}/ns/net")
    networks = Networks(tmp_path, DirectDoor().open_stream)
    held = count_descriptors()
    assert check(networks, 80) == Result(True, "connected")
    assert check(networks, 81) == Result(False, "connection refused")
    assert count_descriptors() == held


def test_a_lost_sandbox_is_a_failure_and_is_let_go(tmp_path: Path, pod: Pod) -> None:
    before = count_descriptors()
    networks = Networks(tmp_path, DirectDoor().open_stream)
    held = count_descriptors()
    assert held == before + 1
    assert check(networks, 80).success
    pod.kill()
    assert check(networks, 80).success is None
    networks.forget("web_sandbox")
    assert count_descriptors() == held
    (tmp_path / "podunit" / "web_sandbox.pid").unlink()
    gone = check(networks, 80)
    assert gone.success is None
    assert gone.message.startswith("web_sandbox cannot be found: ")


def test_a_network_has_an_address(tmp_path: Path) -> None:
    stream, address = open_stream("")
    stream.close()
    assert address
    stream, address = Networks(tmp_path, DirectDoor().open_stream).open_stream("", "::1")
    stream.close()
    assert address == "::1"


def test_a_door_opens_again_when_its_keeper_is_lost_or_in_the_wrong_place(tmp_path: Path) -> None:
    door = UserDoor()
    networks = Networks(tmp_path, door.open_stream)
    for kind in (0x10000000, 0, 0x10000000):
        pod = Pod(tmp_path, "127.0.0.1", kind)
        assert check(networks, 80) == Result(True, "connected")
        assert door._keeper
        door._keeper._process.kill()
        assert check(networks, 80) == Result(True, "connected")
        pod.kill()
    door.close()
