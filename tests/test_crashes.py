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
from tests.disks import Disk
from tests.played_machine import BROKEN, Moment, PlayedMachine, Recording, Tree, make_machine
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
    "web-3.yaml": _WEB.replace("name: web", "name: web, annotations: {podunit/Install.RequiredBy: sockets.target}")
    + config("1")
    + secret("db", "3"),
    "conf.yaml": config("2"),
    "broken.yaml": pod("web", container("a", _MOUNT) + container("b", f"args: [{BROKEN}]"), volumes=_VOLUME)
    + config("2"),
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
    """Commands that make the machine as it is, the one that dies, how that would end, and what is typed then.

    `said` is what is completed. With `at_once` what it has left is completed or undone as a whole; what an `also` makes
    of the machine may then be there as well.
    """

    before: tuple[str, ...]
    command: str
    after: str = ""
    said: str = "a change of web"
    at_once: bool = True
    status: int = 0
    also: str = ""


_STORIES = {
    "create": Story((), "apply web.yaml"),
    "change": Story(("apply web.yaml",), "apply web-2.yaml"),
    "change a secret, and links": Story(("apply web-3.yaml",), "apply web.yaml"),
    "change what is kept": Story(("apply web.yaml",), "apply conf.yaml"),
    "change by up": Story(("apply web.yaml", "down web"), "up web-2.yaml"),
    "delete": Story(("apply web.yaml",), "delete web", said="the deletion of web"),
    "delete, then apply": Story(("apply web.yaml",), "delete web.yaml", "apply web.yaml", "the deletion of web"),
    "delete with volumes": Story(("apply data.yaml",), "delete --volumes web", said="the deletion of web"),
    "undo": Story(("apply web.yaml", "apply web-2.yaml"), "rollout undo web", "apply web.yaml"),
    "go back": Story(
        ("apply web.yaml",), "apply --atomic broken.yaml", "apply web.yaml", status=4, also="apply broken.yaml"
    ),
    "roll out": Story(("apply api.yaml",), "apply api-2.yaml", said="a change of api-1", at_once=False),
    "recreate": Story(("apply again.yaml",), "apply again-2.yaml", said="a change of again-0, again-1"),
    "scale up": Story(("apply api.yaml",), "scale deployment/api --replicas 3", said="a change of api-2"),
    "scale down": Story(("apply api.yaml",), "scale deployment/api --replicas 1", said="the deletion of api-1"),
    # The file is there first: an apply of the folder goes on from there.
    "copy": Story((), "apply --copy web.yaml", at_once=False),
    "prune": Story(
        ("apply --copy web.yaml api.yaml", "rm .config/podunit/web.yaml"),
        "apply --prune",
        said="the deletion of web",
    ),
    "prune and create": Story(
        ("apply --copy web.yaml api.yaml", "delete deployment/api", "rm .config/podunit/web.yaml"),
        "apply --prune",
        said="the deletion of web",
    ),
    "uninstall": Story(("apply web.yaml",), "uninstall", said="the deletion of other, web", at_once=False),
}
# After every so many deaths the next command is run whole; after all of them, what that does first.
_STEP = 12


@pytest.fixture(scope="module")
def machine() -> Iterator[PlayedMachine]:
    with make_machine(_FILES) as machine:
        machine.type("apply other.yaml")
        machine.save("begin")
        yield machine


def prepare(machine: PlayedMachine, story: Story) -> None:
    machine.restore("begin")
    for command in story.before:
        machine.type(command)
    machine.systemd.volumes.add("data")


@pytest.mark.parametrize("name", _STORIES)
def test_whoever_dies_the_next_command_makes_it_whole(name: str, machine: PlayedMachine) -> None:
    story = _STORIES[name]
    prepare(machine, story)
    old = machine.look()
    pid = machine.systemd.running["pod@other.service"].pid
    recording = machine.record(story.command, story.status)
    new = machine.look()
    if story.also:
        prepare(machine, story)
        machine.type(story.also, check=False)
    whole = (old, new, machine.look())
    if story.after:
        machine.type(story.after)
    expected = machine.look()
    before = {moment.key: (place, moment) for place, (_, moment) in enumerate(recording.moments)}
    after: dict[object, tuple[int, Moment]] = {}
    said: list[str] = []
    for place, moment in before.values():
        machine.put(moment)
        said += machine.complete()
        found = machine.look()
        if story.at_once:
            assert found in whole, f"a mix before {describe(recording, place)}: {compare(found, new)}"
        after.setdefault(machine.take().key, (place, machine.take()))
    # Where two deaths have led to the same, all later commands do the same.
    for place, moment in [*after.values(), *list(before.values())[::_STEP]]:
        machine.put(moment)
        done = machine.type(story.after or story.command, check=False)
        # Who has died at the very end has deleted it.
        assert done.status == 0 or (story.command.startswith("delete") and "there is no pod 'web'" in done.errors), done
        found = machine.look()
        assert found == expected, f"before {describe(recording, place)}: {compare(found, expected)}"
        if name != "uninstall":
            assert machine.systemd.running["pod@other.service"].pid == pid
    assert len(before) > 40
    assert any(line.startswith("undone: a change of the units in ") for line in said)
    assert f"completed: {story.said}, which was interrupted" in said


@pytest.mark.parametrize("name", ["create", "change", "delete", "undo", "go back", "scale up", "change what is kept"])
def test_a_loss_of_power_leaves_what_can_be_completed_or_undone(name: str, machine: PlayedMachine) -> None:
    story = _STORIES[name]
    prepare(machine, story)
    old = machine.read()
    recording = machine.record(story.command, story.status)
    new = machine.read()
    if story.also:
        prepare(machine, story)
        machine.type(story.also, check=False)
    whole = [read_kept(one) for one in (old, new, machine.read())]
    disk = Disk(recording.moments[0][1].nodes)
    seen = set()
    for place, (_, moment) in enumerate(recording.moments):
        if place:
            disk.go_on(recording.synced[place - 1], moment.nodes)
        for nodes in disk.lose():
            key = frozenset(nodes.items())
            if key in seen:
                continue
            seen.add(key)
            machine.put(moment)
            machine.reboot(nodes)
            machine.complete()
            found = read_kept(machine.read())
            assert found in whole, f"before {describe(recording, place)}: {compare(found, whole[1])}"
    assert len(seen) > 100


def read_kept(found: dict[str, Tree]) -> dict[str, object]:
    """All files that count: without folders, and without what the next change of a pod's files removes."""
    return {
        place: {name: data for name, data in tree.items() if data != b"/" and not name.endswith("/.staged")}
        for place, tree in found.items()
    }


def describe(recording: Recording, place: int) -> str:
    call, _ = recording.moments[place]
    return f"call {place}, {call.name} {call.arguments}" if call else "its end"


def compare(found: dict[str, object], expected: dict[str, object]) -> dict[str, object]:
    """What differs, and the names of what."""
    parts = {key: (found[key], expected[key]) for key in expected if found[key] != expected[key]}
    return {
        key: sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
        if isinstance(one, dict) and isinstance(other, dict)
        else (one, other)
        for key, (one, other) in parts.items()
    }


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
    for place, number in zip(itertools.count(1, 4), numbers, strict=False):
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
        found = machine.look()
        if found != expected:
            # What does no harm may be left until something is changed.
            machine.type("apply other.yaml")
            found = machine.look()
        assert found == expected, f"{what}: {[key for key in expected if found[key] != expected[key]]}"
    assert failed > 8
