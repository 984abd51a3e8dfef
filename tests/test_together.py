"""Two commands at once: who gets the lock second goes by what the first has made, not by what it read before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import faults
from tests.played_machine import PlayedMachine, Result, make_machine
from tests.stories import config, container, deployment, pod

_MOUNT = "volumeMounts: [{name: c, mountPath: /c}]"
_VOLUME = "{name: c, configMap: {name: conf}}"
_WEB = pod("web", container("a", _MOUNT), volumes=_VOLUME)
_FILES = {
    "web.yaml": _WEB + config("1"),
    "web-2.yaml": pod("web", container("a", f"{_MOUNT}, tty: true") + container("b"), volumes=_VOLUME) + config("1"),
    "conf.yaml": config("2"),
    "conf-3.yaml": config("3"),
    "more.yaml": pod("more", container("a", _MOUNT), volumes=_VOLUME),
    "api.yaml": deployment("api", "sleep, '1'"),
    "api-2.yaml": deployment("api", "sleep, '2'"),
}


@pytest.fixture(scope="module")
def machine() -> Iterator[PlayedMachine]:
    with make_machine(_FILES) as machine:
        machine.type("apply web.yaml api.yaml")
        machine.save("begin")
        yield machine


class Overtaking:
    """Lets another command run when this one has read all there is, and is about to take the lock."""

    def __init__(self, machine: PlayedMachine, command: str) -> None:
        self._machine, self._command = machine, command
        self.done: Result | None = None

    def __call__(self, call: faults.Call) -> None:
        if self.done is None and call.name == "mkdir" and call.find_paths() == (str(self._machine.units),):
            self.done = self._machine.type(self._command)


@pytest.mark.parametrize(
    ("slow", "quick"),
    [
        ("apply conf.yaml", "apply web-2.yaml"),
        ("apply conf.yaml", "apply more.yaml"),
        ("apply more.yaml", "apply conf.yaml"),
        ("apply web-2.yaml", "apply conf-3.yaml"),
        ("apply web.yaml", "delete web"),
        ("apply conf.yaml", "delete web"),
        ("scale deployment/api --replicas 3", "apply api-2.yaml"),
        ("apply api-2.yaml", "scale deployment/api --replicas 3"),
        ("delete deployment/api", "scale deployment/api --replicas 3"),
        ("rollout restart deployment/api", "apply api-2.yaml"),
        ("rollout undo web", "apply web.yaml"),
    ],
)
def test_who_waits_goes_by_what_is_there_then(slow: str, quick: str, machine: PlayedMachine) -> None:
    machine.restore("begin")
    if slow.startswith("rollout undo"):
        machine.type("apply web-2.yaml")
    machine.save(f"{slow}, {quick}")
    machine.type(quick)
    machine.type(slow)
    expected = machine.look()
    machine.restore(f"{slow}, {quick}")
    overtaking = Overtaking(machine, quick)
    machine.type(slow, overtaking)
    assert overtaking.done
    found = machine.look()
    assert found == expected, [key for key in expected if found[key] != expected[key]]


def test_an_uninstall_leaves_what_has_just_come(machine: PlayedMachine) -> None:
    machine.restore("begin")
    overtaking = Overtaking(machine, "apply more.yaml")
    done = machine.type("uninstall", overtaking, check=False)
    assert done.status == 3
    assert "error: pod 'more' has just been applied\n" in done.errors
    assert {"pod@.service", "pod@more.service"} <= machine.read_units().keys()
    assert "pod@web.service" not in machine.read_units()
    machine.type("uninstall")
    assert machine.read_units() == {}
