"""When a container starts again: exit codes as systemd's directives, and the pauses between."""

from __future__ import annotations

import subprocess

import pytest

from podunit.model import Container
from podunit.restarts import can_fail, pause_script, restart_directives
from podunit.target import OLDEST, Target
from tests.sound_pods import read_sound_pod

NEWER = Target(254, (4, 3, 1))


def read(fields: str, notes: str = "") -> Container:
    """The container that has these fields, in a pod of these annotations."""
    text = (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a, annotations: {{{notes}}}}}\n"
        f"spec: {{containers: [{{name: c, image: 'localhost/i:1', {fields}}}]}}\n"
    )
    return read_sound_pod(text).containers[0]


def describe(container: Container, *, init: bool = False, target: Target = NEWER) -> str:
    found = restart_directives(container, target, init=init, never=False)
    return " ".join(
        f"{line.name}={line.value.text}" for line in found if "Sec" not in line.name and "Ste" not in line.name
    )


def rule(operator: str, *codes: int) -> str:
    return f"{{action: Restart, exitCodes: {{operator: {operator}, values: {list(codes)}}}}}"


@pytest.mark.parametrize(
    ("fields", "main", "init", "fails"),
    [
        ("", "Restart=always", "Restart=on-failure", False),
        ("restartPolicy: OnFailure", "Restart=on-failure", "Restart=on-failure", False),
        ("restartPolicy: Never", "Restart=no", "Restart=no", True),
        (
            f"restartPolicy: OnFailure, restartPolicyRules: [{rule('In', 0)}]",
            "Restart=always",
            "Restart=on-failure",
            False,
        ),
        (
            f"restartPolicy: Never, restartPolicyRules: [{rule('In', 7)}, {rule('In', 3, 7)}]",
            "Restart=no RestartForceExitStatus=3 7",
            "Restart=no RestartForceExitStatus=3 7",
            True,
        ),
        (
            f"restartPolicy: Never, restartPolicyRules: [{rule('NotIn', 0, 42)}]",
            "Restart=always RestartPreventExitStatus=0 42",
            "Restart=on-failure RestartPreventExitStatus=42",
            True,
        ),
        (
            f"restartPolicy: Never, restartPolicyRules: [{rule('NotIn', 0)}]",
            "Restart=on-failure",
            "Restart=on-failure",
            False,
        ),
        (f"restartPolicy: Never, restartPolicyRules: [{rule('NotIn')}]", "Restart=always", "Restart=on-failure", False),
        (f"restartPolicy: Never, restartPolicyRules: [{rule('In')}]", "Restart=no", "Restart=no", True),
    ],
)
def test_policy_and_rules_are_a_set_of_exit_codes(fields: str, main: str, init: str, fails: bool) -> None:
    container = read(fields)
    assert describe(container) == main
    assert describe(container, init=True) == init
    assert can_fail(container, init=False) is fails


def test_an_annotation_sets_the_pause() -> None:
    container = read("", "podunit/c.Service.RestartSec: 3s")
    assert [line.name for line in restart_directives(container, NEWER, init=False, never=False)] == ["Restart"]
    assert pause_script(container, OLDEST, systemctl="true", init=False, never=False) is None


@pytest.mark.parametrize(
    ("restarts", "pause"),
    [("", ""), ("0", ""), ("1", ""), ("2", "10"), ("3", "30"), ("4", "70"), ("5", "150"), ("6", "290"), ("99", "290")],
)
def test_an_older_systemd_waits_before_the_start(restarts: str, pause: str) -> None:
    container = read("")
    assert pause_script(container, NEWER, systemctl="systemctl", init=False, never=False) is None
    script = pause_script(container, OLDEST, systemctl=f"echo {restarts}; :", init=False, never=False)
    assert script is not None
    done = subprocess.run(
        ["/bin/sh", "-c", f"sleep() {{ echo $1; }}; {script}", "pause", "unit"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == pause
