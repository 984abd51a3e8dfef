"""How a container is stopped: what is left of the grace period for its hook and the signal; and a failed postStart."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from podunit.engines.programs import PODMAN
from podunit.engines.stops import run_post_start, stop_container
from podunit.model import Pod
from podunit.signals import SIGNALS
from podunit.unitfile import Word
from tests.sound_pods import read_sound_pod


def read(lifecycle: str, *, sidecar: bool = False, grace_sec: int = 20) -> Pod:
    """A pod of which one container has these hooks."""
    hooked = f"{{name: c, image: 'localhost/i:1', lifecycle: {lifecycle}, restartPolicy: Always}}"
    kind = "initContainers" if sidecar else "containers"
    other = "containers: [{name: d, image: 'localhost/i:1'}], " if sidecar else ""
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
        f"spec: {{{other}{kind}: [{hooked}], terminationGracePeriodSeconds: {grace_sec}}}\n"
    )
    return read_sound_pod(text)


def run(words: tuple[Word, ...], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a command whose podman says what it is asked for, and does what it has to execute."""
    podman = tmp_path / "podman"
    podman.write_text('#!/bin/sh\necho "$@"\n[ "$1" != exec ] || { shift 2; exec "$@"; }\n')
    podman.chmod(0o755)
    plain = [word if isinstance(word, str) else str(tmp_path / "begin") for word in words]
    argv = [word.replace(PODMAN, str(podman)) for word in plain]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def stop(pod: Pod, tmp_path: Path) -> list[str]:
    (container,) = pod.init_containers or pod.containers
    done = run(stop_container(pod, container), tmp_path)
    assert done.returncode == 0
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


def test_without_a_hook_podman_knows_the_grace_period(tmp_path: Path) -> None:
    assert stop(read("{}"), tmp_path) == ["stop --ignore a.c"]
    assert stop(read("{preStop: {sleep: {seconds: 0}}}", grace_sec=0), tmp_path) == ["stop --ignore a.c"]


def test_a_hook_takes_its_time_from_the_grace_period(tmp_path: Path) -> None:
    assert stop(read("{preStop: {exec: {command: [sleep, '1.5']}}}"), tmp_path) == [
        "exec a.c sleep 1.5",
        "stop --ignore --time=19 a.c",
    ]


def test_a_hook_that_fails_is_told_of_and_one_that_hangs_ends(tmp_path: Path) -> None:
    assert stop(read("{preStop: {exec: {command: [sh, -c, 'exit 7']}}}"), tmp_path) == [
        "exec a.c sh -c exit 7",
        "stop --ignore --time=20 a.c",
        "preStop: exit status 7",
    ]
    assert stop(read("{preStop: {exec: {command: [sleep, '100']}}}", grace_sec=1), tmp_path) == [
        "exec a.c sleep 100",
        "stop --ignore --time=2 a.c",
        "preStop: exit status 124",
    ]


@pytest.mark.parametrize(("ago_sec", "left_sec"), [(0, 20), (5, 15), (19, 2), (100, 2)])
def test_a_sidecar_has_what_is_left_since_the_pods_stop_began(ago_sec: int, left_sec: int, tmp_path: Path) -> None:
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME) - ago_sec
    (tmp_path / "begin").write_text(f"{uptime + 0.5:.2f} 1.00\n")
    said = stop(read("{}", sidecar=True), tmp_path)
    assert said == [f"stop --ignore --time={left_sec if left_sec == 2 else left_sec + 1} a.c"]
    (tmp_path / "begin").unlink()
    assert stop(read("{}", sidecar=True), tmp_path) == ["stop --ignore --time=20 a.c"]


def test_a_failed_hook_after_the_start_stops_the_container(tmp_path: Path) -> None:
    words = r"""['printf', '%s\n', "it's", '', '$HOME', '"', '\', ' x  y ', '*', a, b, c, d]"""
    pod = read(f"{{postStart: {{exec: {{command: {words}}}}}}}")
    command = run_post_start(pod, pod.containers[0])
    assert command is not None
    done = run(command, tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-11:] == ["it's", "", "$HOME", '"', "\\", " x  y ", "*", "a", "b", "c", "d"]
    pod = read("{postStart: {exec: {command: [sh, -c, 'exit 3']}}}")
    command = run_post_start(pod, pod.containers[0])
    assert command is not None
    done = run(command, tmp_path)
    assert done.returncode == 1
    assert done.stdout == "exec a.c sh -c exit 3\nstop --ignore a.c\n"
    assert done.stderr == "postStart: exit status 3\n"


def test_signals_have_linux_numbers() -> None:
    assert len(SIGNALS) == 65
    for name, number in SIGNALS.items():
        said = subprocess.run(["/bin/bash", "-c", f"kill -l {number}"], capture_output=True, text=True, check=True)
        if name not in ("SIGIOT", "SIGCLD", "SIGPOLL"):
            assert f"SIG{said.stdout.strip().removeprefix('SIG')}" == name
