"""The lab itself: what tests in it may rely on, and that nothing of it stays."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.guest import PATIENCE
from tests.lab.laboratory import Laboratory, running

LAB = Path(__file__).with_name("lab")
IMAGE = "localhost/podunit-test"
SPLIT = "--unit=split --property=Delegate=yes --wait --pipe --quiet podman run --rm --cgroups=split --cgroupns=host"


@pytest.fixture
def start(lab: Laboratory, suite: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `lab run` with a command, its output piped. (The fixture `lab` has made the layers.)"""
    started: list[subprocess.Popen[str]] = []

    def run(*command: str, terminal: int = subprocess.PIPE) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(LAB), "run", "--suite", suite, "--", *command],
            stdin=terminal,
            stdout=terminal,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.terminate()
        process.wait()


def processes_of(lab_id: str) -> list[str]:
    """The command lines of all processes that belong to a lab, or keep one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cgroup").read_text() + (process / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"podunit-lab-{lab_id}" in text:
            found.append(text)
    return found


def nothing_left(lab_id: str) -> bool:
    return lab_id not in running() and not processes_of(lab_id)


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_system_is_running_and_nothing_failed(lab: Laboratory) -> None:
    assert lab.run("systemctl", "is-system-running").stdout == "running\n"
    assert lab.run("systemctl", "--failed", "--no-legend").stdout == ""
    assert lab.run("hostname").stdout == "lab\n"
    assert lab.run("journalctl", "--boot", "--lines=1", "--quiet").stdout != ""


def test_package_is_installed_from_its_wheel(lab: Laboratory) -> None:
    where = "import podunit.units; print(podunit.units.__path__[0])"
    folder = lab.run("/opt/podunit/bin/python", "-c", where).stdout
    assert folder.startswith("/opt/podunit/lib/")
    assert lab.run("readlink", "/usr/local/bin/podunit").stdout == "/opt/podunit/bin/podunit\n"
    lab.sh("ls /opt/podunit/lib/python3*/site-packages/podunit/__pycache__/*.pyc")


def test_checkout_is_read_only(lab: Laboratory) -> None:
    assert "podunit" in lab.read("/src/pyproject.toml")
    assert "Read-only" in lab.run("touch", "/src/new", check=False).stderr


def test_network_is_the_lab_s_own(lab: Laboratory) -> None:
    assert Path(f"/proc/{lab.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def test_container_in_the_cgroup_of_its_unit(lab: Laboratory) -> None:
    printed = lab.sh(f"systemd-run {SPLIT} {IMAGE}:1 cat /proc/self/cgroup").stdout
    assert "/system.slice/split.service/" in printed.splitlines()[-1]


def test_image_serves_its_page(lab: Laboratory) -> None:
    lab.sh(f"podman run --detach --name=page --publish=8080:8080 {IMAGE}")
    try:
        lab.wait_until("curl --silent --fail localhost:8080")
        assert lab.run("curl", "--silent", "localhost:8080").stdout == "podunit test page\n"
    finally:
        lab.run("podman", "rm", "--force", "--time=0", "page")


def test_user_with_a_manager_and_rootless_containers(lab: Laboratory) -> None:
    assert lab.run("systemctl", "--user", "is-system-running", user="alice").stdout == "running\n"
    printed = lab.sh(
        # By a file: podman's pause process, the first time, may keep a pipe open.
        f"systemd-run --user {SPLIT} --user=web {IMAGE}:2 sh -c 'id -un; cat /proc/self/cgroup' > /tmp/said 2>&1;"
        " cat /tmp/said",
        user="alice",
    ).stdout.splitlines()
    assert printed[0] == "web"
    # podman 4.3 moves itself to a scope where /proc/self/cgroup has lines of version 1 too.
    assert "/user@1000.service/" in printed[-1]


def test_failure_shows_output(lab: Laboratory) -> None:
    with pytest.raises(AssertionError, match=r"(?s)exit status 3.*to stdout.*to stderr"):
        lab.sh("echo to stdout; echo to stderr >&2; exit 3")
    with pytest.raises(AssertionError, match=r"(?s)not true after 0\.6\d* s.*not yet"):
        lab.wait_until("echo not yet; false", timeout_sec=0.6 / PATIENCE)


def test_timeout_ends_the_command(lab: Laboratory) -> None:
    with pytest.raises(AssertionError, match=r"not done after 0\.6\d* s"):
        lab.run("sleep", "4321", timeout_sec=0.6 / PATIENCE)
    assert lab.run("pgrep", "-f", "^sleep 4321", check=False).returncode == 1


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)])
def test_exit_status_passes_through(start: Callable[..., subprocess.Popen[str]], script: str, status: int) -> None:
    process = start("sh", "-c", f"cat; echo to stderr >&2; {script}")
    stdout, stderr = process.communicate("from stdin")
    assert stdout == "from stdin"
    assert stderr.startswith("to stderr\n")
    assert process.returncode == status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_after_a_signal(start: Callable[..., subprocess.Popen[str]], number: signal.Signals) -> None:
    with start("sh", "-c", "echo $PODUNIT_LAB_ID; exec sleep 1000") as process:
        assert process.stdout is not None
        lab_id = process.stdout.readline().strip()
        assert lab_id in running()
        assert processes_of(lab_id)
        process.send_signal(number)
        status = process.wait(timeout=15)
    if number == signal.SIGKILL:
        assert wait_for(lambda: nothing_left(lab_id))
    else:
        assert status == 128 + number
        assert nothing_left(lab_id)


def test_control_c_on_a_terminal_is_the_command_s(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    ours, theirs = pty.openpty()
    process = start("sh", "-c", "test -t 0 && echo $PODUNIT_LAB_ID; exec sleep 1000", terminal=theirs)
    os.close(theirs)
    lab_id = os.read(ours, 100).decode().strip()
    assert lab_id in running()
    # What a terminal does: the foreground process group gets it.
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=15)
    os.close(ours)
    assert process.returncode == 130
    assert nothing_left(lab_id)
