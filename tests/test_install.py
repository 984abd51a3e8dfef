"""What `podunit.install` promises: the unit directory is as it was, or as it should be, and what is not ours stays."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from podunit.errors import PodunitError
from podunit.install import Change, UnitDirectory, locked
from podunit.names import MARK, STATIC_MARK
from podunit.scope import Scope, default_directory, spec_folder
from podunit.unitfile import strip_remarks

_OLD = {
    name: f"{MARK}\n{name} old ü\n" for name in ("changes.service", "goes.service", "goes-2.service", "stays.service")
}
_NEW = {
    "changes.service": f"{MARK}\nchanges new\n",
    "comes.service": f"{MARK}\ncomes\n",
    r"pod-my\x2dweb.slice": f"{STATIC_MARK}\ncomes too\n",
    "stays.service": _OLD["stays.service"],
}
_GONE = ("goes.service", "goes-2.service", "never-was.service")
_CHANGE = Change(
    created=("comes.service", r"pod-my\x2dweb.slice"),
    updated=("changes.service",),
    removed=("goes-2.service", "goes.service"),
    unchanged=("stays.service",),
)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A unit directory with files of ours and one of somebody else."""
    folder = tmp_path / "units"
    folder.mkdir()
    for name, text in _OLD.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "foreign.service").write_text("[Unit]\n", encoding="utf-8")
    return folder


def read_all(folder: Path) -> dict[str, str]:
    """Every file of a folder, whoever wrote it, hidden ones included; all but the record of what was written."""
    return {name: text for name, text in read_everything(folder).items() if name != ".podunit-written"}


def read_everything(folder: Path) -> dict[str, str]:
    """All files below a folder, but for the one that is locked."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".podunit-lock"
    }


def check_record(folder: Path) -> str:
    """What sha256sum says of the record."""
    done = subprocess.run(
        ["sha256sum", "--check", ".podunit-written"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout


def install(folder: Path, texts: dict[str, str], removed: tuple[str, ...] = ()) -> Change:
    with locked(folder) as directory:
        change = directory.plan(texts, removed)
        directory.write(change, texts)
        return change


# The record


def test_what_was_written_is_recorded_for_sha256sum(units: Path) -> None:
    assert UnitDirectory(units).read_written() == {}
    install(units, _NEW, _GONE)
    written = {*_CHANGE.created, *_CHANGE.updated}
    assert set(UnitDirectory(units).read_written()) == written
    assert check_record(units) == "".join(f"{name}: OK\n" for name in sorted(written))
    (units / "comes.service").write_text("edited", encoding="utf-8")
    assert "comes.service: FAILED\n" in check_record(units)


def test_the_record_goes_with_the_last_file(units: Path) -> None:
    install(units, _NEW, _GONE)
    # Somebody else was faster.
    (units / "comes.service").unlink()
    install(units, {}, tuple(_NEW))
    assert list(read_everything(units)) == ["foreign.service"]


# Changes


def test_a_change_creates_updates_removes_and_leaves(units: Path) -> None:
    assert install(units, _NEW, _GONE) == _CHANGE
    assert read_all(units) == {**_NEW, "foreign.service": "[Unit]\n"}
    names = [path.name for path in units.iterdir() if not path.name.startswith(".podunit-")]
    assert sorted(names) == sorted([*_NEW, "foreign.service"])


def test_a_plan_changes_nothing(units: Path) -> None:
    before = read_everything(units)
    assert UnitDirectory(units).plan(_NEW, _GONE) == _CHANGE
    assert read_everything(units) == before


def test_what_does_not_change_is_not_touched(units: Path) -> None:
    def look(name: str) -> tuple[int, int]:
        status = (units / name).stat()
        return status.st_ino, status.st_mtime_ns

    for file in units.iterdir():
        os.utime(file, ns=(1, 1))
    before = {name: look(name) for name in ("stays.service", "foreign.service", "changes.service")}
    install(units, _NEW, _GONE)
    assert look("stays.service") == before["stays.service"]
    assert look("foreign.service") == before["foreign.service"]
    assert look("changes.service") != before["changes.service"]


def test_the_second_time_there_is_nothing_to_do(units: Path) -> None:
    install(units, _NEW, _GONE)
    change = install(units, _NEW, _GONE)
    assert change == Change((), (), (), tuple(sorted(_NEW)))
    assert change.is_empty


@pytest.mark.parametrize("part", ["created", "updated", "removed"])
def test_a_change_is_empty_only_without_any_part(part: str) -> None:
    assert Change((), (), (), ("a",)).is_empty
    parts: dict[str, tuple[str, ...]] = {"created": (), "updated": (), "removed": (), "unchanged": ()}
    assert not Change(**{**parts, part: ("a",)}).is_empty


def test_units_are_readable_for_all_whatever_the_umask(units: Path) -> None:
    umask = os.umask(0o077)
    try:
        install(units, _NEW)
    finally:
        os.umask(umask)
    assert {(units / name).stat().st_mode & 0o777 for name in (*_CHANGE.created, *_CHANGE.updated)} == {0o644}


def test_a_directory_that_is_missing_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "a/b"
    assert install(folder, _NEW).created == tuple(sorted(_NEW))
    assert read_all(folder) == _NEW


def test_a_directory_that_is_missing_is_empty(tmp_path: Path) -> None:
    assert UnitDirectory(tmp_path / "missing").read() == {}


# What is not ours


def test_only_our_own_files_are_read(units: Path) -> None:
    (units / "link.service").symlink_to("stays.service")
    (units / "masked.service").symlink_to("/dev/null")
    (units / "dangling.service").symlink_to("nowhere")
    (units / "folder.service.d").mkdir()
    (units / "bytes.service").write_bytes(b"\xff\xfe")
    (units / "later.service").write_text(f"# mine\n{MARK}\n", encoding="utf-8")
    assert UnitDirectory(units).read() == _OLD


@pytest.mark.parametrize("kind", ["file", "link", "mask", "folder"])
def test_a_file_of_somebody_else_is_never_replaced(kind: str, units: Path) -> None:
    path = units / "comes.service"
    match kind:
        case "file":
            path.write_text("[Unit]\n", encoding="utf-8")
        case "link":
            path.symlink_to("stays.service")
        case "mask":
            path.symlink_to("/dev/null")
        case "folder":
            path.mkdir()
    before = read_everything(units)
    with pytest.raises(PodunitError, match=r"comes\.service is there already, and podunit did not write it") as caught:
        install(units, _NEW, _GONE)
    assert caught.value.hint == "move it away, or give the pod another name"
    assert read_everything(units) == before


def test_a_file_of_somebody_else_is_never_removed(units: Path) -> None:
    assert install(units, {}, ("foreign.service", "goes.service")).removed == ("goes.service",)
    assert (units / "foreign.service").exists()


# Errors and death on the way

_STEPS: tuple[tuple[object, str], ...] = (
    (Path, "mkdir"),
    (Path, "write_text"),
    (Path, "chmod"),
    (Path, "rename"),
    (Path, "unlink"),
    (os, "link"),
    (shutil, "rmtree"),
)


class DeathError(BaseException):
    """Stands for SIGKILL: nothing runs after it."""


@contextmanager
def break_at(step: int, error: BaseException) -> Iterator[Callable[[], int]]:
    """Raise `error` instead of the file operation of this number; tells how many there were."""
    done = 0

    def spoil(operation: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            nonlocal done
            done += 1
            if done == step:
                raise error
            return operation(*arguments, **options)

        return run

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in _STEPS:
            patch.setattr(owner, name, spoil(getattr(owner, name)))
        yield lambda: done


def count_steps(units: Path) -> int:
    """How many operations the change takes; the directory is as before afterwards."""
    before = units.with_name("before")
    shutil.copytree(units, before, symlinks=True)
    with locked(units) as directory, break_at(-1, DeathError()) as count:
        directory.write(_CHANGE, _NEW)
    shutil.rmtree(units)
    before.rename(units)
    return count()


def die_at(step: int, units: Path) -> bool:
    """Begin the change and die at a step; whether it came to that."""
    with locked(units) as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(UnitDirectory, "recover", lambda _: False)
        try:
            with break_at(step, DeathError()):
                directory.write(_CHANGE, _NEW)
        except DeathError:
            return True
    return False


def reset(units: Path) -> None:
    shutil.rmtree(units)
    units.mkdir()
    for name, text in _OLD.items():
        (units / name).write_text(text, encoding="utf-8")
    (units / "foreign.service").write_text("[Unit]\n", encoding="utf-8")


def test_after_an_error_all_is_as_before(units: Path) -> None:
    before = read_everything(units)
    # The last two steps clean up after a change that is done.
    for step in range(1, count_steps(units) - 1):
        with (
            pytest.raises(PodunitError, match="/x: no space left on device; nothing was changed"),
            locked(units) as directory,
            break_at(step, OSError(errno.ENOSPC, "No space left on device", "/x")),
        ):
            directory.write(_CHANGE, _NEW)
        assert read_everything(units) == before


def test_an_error_says_that_nothing_was_changed(units: Path) -> None:
    before = read_everything(units)
    with (
        pytest.raises(PodunitError) as caught,
        locked(units) as directory,
        break_at(1, OSError(errno.EROFS, "Read-only file system", "/units")),
    ):
        directory.write(_CHANGE, _NEW)
    assert caught.value.message == "/units: read-only file system; nothing was changed"
    assert caught.value.hint == "mount that file system for writing"
    assert read_everything(units) == before


def test_without_permission_the_hint_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PodunitError, match="permission denied; nothing was changed") as caught, locked(tmp_path):
        pass
    assert caught.value.hint == "run this as root, or use --user"


def test_a_path_that_cannot_be_a_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PodunitError, match="not a directory; nothing was changed"), locked(tmp_path / "file/units"):
        pass


def test_who_dies_half_way_leaves_the_old_state_or_the_new_one(units: Path) -> None:
    found = []
    for step in range(1, count_steps(units) + 1):
        assert die_at(step, units)
        with locked(units) as directory:
            left = directory.read()
            assert left in (_OLD, _NEW), f"a mix after step {step}"
            found.append(left == _NEW)
        assert (units / "foreign.service").read_text(encoding="utf-8") == "[Unit]\n"
        assert not (units / ".podunit").exists()
        reset(units)
    # The old one up to a point, the new one from there on.
    assert found == sorted(found)
    assert len(found) > 10
    assert set(found) == {False, True}


def test_who_dies_while_undoing_can_be_undone_again(units: Path) -> None:
    deaths = 0
    for step in range(1, count_steps(units) + 1):
        for second in range(1, 30):
            assert die_at(step, units)
            try:
                with break_at(second, DeathError()):
                    UnitDirectory(units).recover()
            except DeathError:
                deaths += 1
            else:
                reset(units)
                break
            with locked(units) as directory:
                assert directory.read() in (_OLD, _NEW), f"a mix after steps {step} and {second}"
            reset(units)
        else:
            pytest.fail("undoing does not end")
    assert deaths > 30


def test_after_a_death_the_change_can_be_made(units: Path) -> None:
    for step in range(1, count_steps(units) + 1):
        die_at(step, units)
        install(units, _NEW, _GONE)
        assert read_all(units) == {**_NEW, "foreign.service": "[Unit]\n"}
        reset(units)


def test_an_interrupt_undoes_the_change(units: Path) -> None:
    before = read_everything(units)
    steps = count_steps(units)
    with (
        pytest.raises(KeyboardInterrupt),
        locked(units) as directory,
        break_at(steps - 4, KeyboardInterrupt()),
    ):
        directory.write(_CHANGE, _NEW)
    assert read_everything(units) == before


def test_only_one_at_a_time(units: Path) -> None:
    with locked(units):
        assert stat.S_IMODE((units / ".podunit-lock").stat().st_mode) == 0o600
        with pytest.raises(BlockingIOError), locked(units):
            pass
    with locked(units):
        pass


def test_who_may_only_look_at_the_directory_makes_nobody_wait(units: Path) -> None:
    handle = os.open(units, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with locked(units):
            pass
    finally:
        os.close(handle)


def test_a_lock_that_was_removed_meanwhile_is_none(tmp_path: Path) -> None:
    with locked(tmp_path / "units"):
        (tmp_path / "units/.podunit-lock").unlink()
        # In an empty directory nothing is left behind; who waits for the removed file must not think that it has it.
        with locked(tmp_path / "units"), pytest.raises(BlockingIOError), locked(tmp_path / "units"):
            pass
    assert list((tmp_path / "units").iterdir()) == []


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    (tmp_path / "units/.podunit-lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PodunitError, match="nothing was changed"), locked(tmp_path / "units"):
        pass
    assert not (tmp_path / "elsewhere").exists()


# Leaving


def test_what_is_disowned_is_the_administrators(units: Path) -> None:
    with locked(units) as directory:
        assert directory.disown() == tuple(sorted(_OLD))
    changed = {
        name: text.replace(MARK, "# Written by podunit, which is no longer in charge of it.")
        for name, text in _OLD.items()
    }
    assert read_all(units) == {**changed, "foreign.service": "[Unit]\n"}
    assert UnitDirectory(units).read() == {}
    assert not (units / ".podunit").exists()


def test_what_is_disowned_says_the_same_to_systemd(units: Path) -> None:
    texts = {"a.service": f"{MARK}; more\n[Unit]\nAfter=b\n", "b.service": f"{STATIC_MARK}.\n# Why.\n\n[Unit]\n"}
    install(units, texts)
    with locked(units) as directory:
        assert {"a.service", "b.service"} < set(directory.disown())
    for name, text in texts.items():
        left = (units / name).read_text(encoding="utf-8")
        assert left.splitlines()[1:] == text.splitlines()[1:]
        assert strip_remarks(left) == strip_remarks(text)


def test_what_is_disowned_is_in_the_way_of_an_apply(units: Path) -> None:
    with locked(units) as directory:
        directory.disown()
    with pytest.raises(PodunitError, match=r"changes\.service is there already, and podunit did not write it"):
        install(units, _NEW)


def test_nothing_is_left_to_disown(units: Path) -> None:
    with locked(units) as directory:
        directory.disown()
        before = read_everything(units)
        assert directory.disown() == ()
    assert read_everything(units) == before


def test_an_error_leaves_all_files_owned(units: Path) -> None:
    before = read_everything(units)
    for step in (1, 4, 8):
        with (
            pytest.raises(PodunitError, match="nothing was changed"),
            locked(units) as directory,
            break_at(step, OSError(errno.ENOSPC, "No space left on device", "/x")),
        ):
            directory.disown()
        assert read_everything(units) == before


# Places


def test_the_systems_directories() -> None:
    assert default_directory(Scope.SYSTEM) == Path("/usr/local/lib/systemd/system")
    assert spec_folder(Scope.SYSTEM) == Path("/etc/podunit")


def test_a_users_directories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/a")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert default_directory(Scope.USER) == Path("/home/a/.local/share/systemd/user")
    assert spec_folder(Scope.USER) == Path("/home/a/.config/podunit")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")
    assert default_directory(Scope.USER) == Path("/data/systemd/user")
    assert spec_folder(Scope.USER) == Path("/config/podunit")


def test_changes_add_up() -> None:
    first = Change(created=("a",), updated=("s",), unchanged=("c", "d"))
    later = Change(created=("b",), updated=("a", "c"), removed=("r",), unchanged=("s", "d"))
    assert first.join(later) == Change(("a", "b"), ("c", "s"), ("r",), ("d",))
