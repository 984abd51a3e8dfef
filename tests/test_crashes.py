"""What a command leaves when it dies: the old state or the new one, and the next command makes it whole."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from podunit.install import UnitDirectory
from tests import faults
from tests.played_machine import PlayedMachine, warm_up
from tests.stories import config, container, deployment, pod, secret

_MOUNT = "volumeMounts: [{name: c, mountPath: /c}]"
_VARIABLE = "env: [{name: P, valueFrom: {secretKeyRef: {name: db, key: p}}}]"
_VOLUME = "{name: c, configMap: {name: conf}}"
_CLAIM = "{name: d, persistentVolumeClaim: {claimName: data}}"
_CLAIM_OBJECT = (
    "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n"
    "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n"
)
_WEB = pod("web", container("a", _MOUNT) + container("b", _VARIABLE), volumes=_VOLUME)
_FILES = {
    "other.yaml": pod("other", container("a", _VARIABLE.replace("db", "key"))) + secret("key", "kept"),
    "web.yaml": _WEB + config("1") + secret("db", "1"),
    # One container goes, one comes, one differs; so do a file, and whether it starts with the machine.
    "web-2.yaml": pod(
        "web",
        container("a", f"{_MOUNT}, tty: true") + container("c"),
        volumes=_VOLUME,
        notes=", annotations: {podunit/boot: 'false'}",
    )
    + config("2")
    + secret("db", "1"),
    "web-3.yaml": _WEB + config("1") + secret("db", "3"),
    "api.yaml": deployment("api", "sleep, '1'"),
    "api-2.yaml": deployment("api", "sleep, '2'"),
    "again.yaml": deployment("again", "sleep, '1'", "Recreate"),
    "again-2.yaml": deployment("again", "sleep, '2'", "Recreate"),
}
_FILES["data.yaml"] = (
    pod("web", container("a", f"{_MOUNT[:-1]}, {{name: d, mountPath: /d}}]"), volumes=f"{_VOLUME}, {_CLAIM}")
    + config("1")
    + _CLAIM_OBJECT
)


@dataclass(frozen=True)
class Story:
    """Commands that make the machine as it is, the one that dies, and what is typed then.

    `said` is what is completed, and `step` 1 for a death at each call, or 3 at every third one. With `at_once` all
    units change in one transaction.
    """

    before: tuple[str, ...]
    command: str
    after: str = ""
    said: str = "a change of web"
    at_once: bool = True
    step: int = 1


_STORIES = {
    "create": Story((), "apply web.yaml"),
    "change": Story(("apply web.yaml",), "apply web-2.yaml"),
    "change a secret": Story(("apply web.yaml",), "apply web-3.yaml", step=3),
    "change by up": Story(("apply web.yaml", "down web"), "up web-2.yaml", step=3),
    "delete": Story(("apply web.yaml",), "delete web", said="the deletion of web"),
    "delete, then apply": Story(
        ("apply web.yaml",), "delete web.yaml", "apply web.yaml", "the deletion of web", step=3
    ),
    "delete with volumes": Story(("apply data.yaml",), "delete --volumes web", said="the deletion of web", step=3),
    "roll out": Story(("apply api.yaml",), "apply api-2.yaml", said="a change of api-1", at_once=False),
    "recreate": Story(("apply again.yaml",), "apply again-2.yaml", said="a change of again-0, again-1", step=3),
    "scale up": Story(("apply api.yaml",), "scale deployment/api --replicas 3", said="a change of api-2", step=3),
    "scale down": Story(("apply api.yaml",), "scale deployment/api --replicas 1", said="the deletion of api-1"),
    "copy": Story((), "apply --copy web.yaml"),
    "prune": Story(
        ("apply --copy web.yaml api.yaml", "rm .config/podunit/web.yaml"),
        "apply --prune",
        said="the deletion of web",
        step=3,
    ),
    "uninstall": Story(("apply web.yaml",), "uninstall", said="the deletion of other, web", at_once=False, step=3),
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> PlayedMachine:
    machine = PlayedMachine(tmp_path_factory.mktemp("machine"))
    for name, text in _FILES.items():
        machine.write(name, text)
    warm_up(str(machine.home / "web-2.yaml"))
    machine.type("apply other.yaml")
    machine.save("begin")
    return machine


def prepare(machine: PlayedMachine, story: Story) -> None:
    machine.restore("begin")
    for command in story.before:
        machine.type(command)
    machine.systemd.volumes.add("data")


class Death:
    """Judges calls: the one of this number is the last; counts them.

    A call that leaves all as it is counts with the next one: no death before it could be told from one after it.
    """

    def __init__(self, place: int) -> None:
        self._place = place
        self._count = 0

    def __call__(self, call: faults.Call) -> int | None:
        if changes_something(call):
            self._count += 1
        return faults.KILL if self._count == self._place else None


def changes_something(call: faults.Call) -> bool:
    match call.name:
        case "fsync" | "fdatasync":
            return False
        case "mkdir":
            return not Path(call.find_paths()[0]).exists()
        case "unlink":
            return os.path.lexists(call.find_paths()[0])
    return True


def list_deaths(machine: PlayedMachine, name: str) -> Iterator[None]:
    """Let the command of a story die at each of its calls, each time from the beginning."""
    for place in itertools.count(1, _STORIES[name].step):
        machine.restore(name)
        if machine.type(_STORIES[name].command, Death(place), check=False).status != -9:
            return
        yield


@pytest.mark.parametrize("name", _STORIES)
def test_whoever_dies_the_next_command_makes_it_whole(name: str, machine: PlayedMachine) -> None:
    story = _STORIES[name]
    prepare(machine, story)
    pid = machine.systemd.running["pod@other.service"].pid
    machine.save(name)
    old = machine.read_units()
    machine.type(story.command)
    new = machine.read_units()
    if story.after:
        machine.type(story.after)
    expected = machine.look()
    said = ""
    for deaths, _ in enumerate(list_deaths(machine, name), 1):
        if story.at_once and not UnitDirectory(machine.units).is_unsettled:
            assert machine.read_units() in (old, new), f"a mix after {deaths} calls"
        done = machine.type(story.after or story.command, check=False)
        said += done.errors
        # Who has died at the very end has deleted it.
        assert done.status == 0 or (story.command.startswith("delete") and "there is no pod 'web'" in done.errors), done
        found = machine.look()
        assert found == expected, f"after {deaths} calls: {[key for key in expected if found[key] != expected[key]]}"
        if name != "uninstall":
            assert machine.systemd.running["pod@other.service"].pid == pid
    assert deaths * story.step > 40
    assert "note: undone: a change of the units in " in said
    assert f"note: completed: {story.said}, which was interrupted\n" in said


class Refusal:
    """Judges calls: the file system refuses the one of this number, or all from there on; tells which those were."""

    def __init__(self, home: Path, place: int, number: int, *, for_good: bool) -> None:
        self._home, self._place, self._number, self._for_good = str(home), place, number, for_good
        self._count = 0
        self.refused: list[str] = []

    def __call__(self, call: faults.Call) -> int | None:
        paths = call.find_paths()
        if not any(path.startswith(self._home) for path in paths):
            return None
        self._count += 1
        if self._count == self._place or (self._for_good and self._count > self._place):
            self.refused.append(f"{call.name} {' '.join(paths)}")
            return self._number
        return None


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("name", ["create", "change", "delete", "copy"])
def test_whatever_the_file_system_refuses_is_said_and_costs_nothing(
    name: str, for_good: bool, machine: PlayedMachine
) -> None:
    story, saved = _STORIES[name], f"{name} {for_good}"
    prepare(machine, story)
    machine.save(saved)
    old = machine.read_units()
    machine.type(story.command)
    expected, new = machine.look(), machine.read_units()
    numbers = itertools.cycle([errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EACCES])
    failed = 0
    for place, number in zip(itertools.count(1, 3), numbers, strict=False):
        machine.restore(saved)
        refusal = Refusal(machine.home, place, number, for_good=for_good)
        done = machine.type(story.command, refusal, check=False)
        if not refusal.refused:
            break
        what = f"{errno.errorcode[number]} at {refusal.refused[0]}: {done}"
        assert done.status in (0, 3), what
        if done.status == 3:
            failed += 1
            (line,) = [line for line in done.errors.splitlines() if line.startswith("error: ")]
            assert f"error: {machine.home}/" in line, what
            assert os.strerror(number).lower() in line, what
            assert "\n  hint: " in done.errors, what
            if "nothing was changed" in line:
                assert machine.read_units() == old, what
        if not UnitDirectory(machine.units).is_unsettled:
            assert machine.read_units() in (old, new), what
        machine.type(story.command, check=done.status == 3 and name != "delete")
        # What does no harm may be left until something is changed.
        machine.type("apply other.yaml")
        found = machine.look()
        assert found == expected, f"{what}: {[key for key in expected if found[key] != expected[key]]}"
    assert failed > 10
