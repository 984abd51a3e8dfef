"""What `podunit.settled` promises: a look at files finds every change, and nothing is remembered that may be wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from podunit.settled import Account, Memory, Sight, describe_states, look


class World:
    """The files of an apply: a spec, a unit, a kept object, a file that a unit reads."""

    def __init__(self, folder: Path) -> None:
        self.specs, self.units, self.state = (folder / name for name in ("specs", "units", "state"))
        self.spec, self.unit = self.specs / "web.yaml", self.units / "pod@web.service"
        self.object, self.file = self.state / "objects/Pod.web.json", self.state / "files/web/volumes/a/key"
        for file in (self.spec, self.unit, self.object, self.file):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("text")
        self.elsewhere = folder / "elsewhere.yaml"
        self.elsewhere.write_text("text")
        (self.specs / "link.yaml").symlink_to(self.elsewhere)

    def look(self) -> Sight:
        return look(self.units, self.state, [str(self.specs)], ["option"])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def edit(file: Path) -> None:
    """Change a file so that neither its size nor its modification time tells."""
    before = file.stat()
    file.write_text("next")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(file: Path) -> None:
    fresh = file.with_name("fresh")
    fresh.write_text("text")
    fresh.rename(file)


def retarget(link: Path) -> None:
    link.unlink()
    link.symlink_to("/dev/null")


_CHANGES: tuple[Callable[[World], None], ...] = (
    lambda world: edit(world.spec),
    lambda world: edit(world.unit),
    lambda world: edit(world.object),
    lambda world: edit(world.file),
    lambda world: edit(world.elsewhere),
    lambda world: replace(world.spec),
    lambda world: replace(world.unit),
    lambda world: world.spec.unlink(),
    lambda world: world.unit.unlink(),
    lambda world: world.file.unlink(),
    lambda world: world.elsewhere.unlink(),
    lambda world: retarget(world.specs / "link.yaml"),
    lambda world: (world.specs / "new.yaml").touch(),
    lambda world: (world.units / "container@web.a.service").touch(),
    lambda world: (world.state / "objects/ConfigMap.a.json").touch(),
    lambda world: (world.state / "files/web/volumes/a/other").touch(),
    lambda world: (world.state / "places.json").touch(),
    lambda world: world.spec.chmod(0o600),
)


@pytest.mark.parametrize("change", _CHANGES, ids=map(str, range(len(_CHANGES))))
def test_every_change_is_seen(change: Callable[[World], None], world: World) -> None:
    before = world.look()
    assert world.look().digest == before.digest
    # Later than the step of the kernel's clock.
    time.sleep(0.02)
    change(world)
    assert world.look().digest != before.digest


def test_what_the_command_was_told_counts(world: World) -> None:
    given = [str(world.specs)]
    sights = {look(world.units, world.state, given, [option]).digest for option in (True, False, Path("/root"))}
    sights |= {look(world.units, world.state, [*given, str(world.elsewhere)], [True]).digest}
    assert len(sights) == 4


def test_what_has_just_changed_is_not_relied_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not world.look().is_calm
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 1_900_000_000)
    assert not world.look().is_calm
    monkeypatch.setattr(time, "time_ns", lambda: now + 3_000_000_000)
    assert world.look().is_calm
    # Its own file is no part of what it looks at.
    Memory(world.state).keep(world.look(), "states", Account({}, {}))
    assert world.look().is_calm


def test_an_account_is_found_for_the_same_files_only(tmp_path: Path) -> None:
    memory, account = Memory(tmp_path), Account({"web": ("unchanged", "stays stopped")}, {"ConfigMap.a": "unchanged"})
    assert memory.find(Sight("one", True)) is None
    memory.keep(Sight("one", False), "states", account)
    assert memory.find(Sight("one", True)) is None
    memory.keep(Sight("one", True), "states", account)
    assert memory.find(Sight("one", True)) == ("states", account)
    assert memory.find(Sight("one", False)) == ("states", account)
    assert memory.find(Sight("other", True)) is None
    memory.keep(Sight("other", True), "states", account)
    assert memory.find(Sight("one", True)) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": "one"}', '{"files": "one", "pods": []}', "null"])
def test_a_broken_record_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "settled.json").write_text(text)
    assert Memory(tmp_path).find(Sight("one", True)) is None


def test_states_differ_by_what_is_not_inactive() -> None:
    known = describe_states("257", {"a": "active", "b": "inactive"})
    assert known == describe_states("257", {"a": "active"})
    others = [("256", {"a": "active"}), ("257", {"a": "failed"}), ("257", {}), ("257", {"a": "active", "c": "failed"})]
    assert known not in {describe_states(version, states) for version, states in others}
