"""What `podunit.exchange` promises: one folder or the other, whoever looks, and whoever dies on the way."""

from __future__ import annotations

import errno
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from podunit import exchange
from podunit.errors import PodunitError
from podunit.exchange import Exchange, begin, list_content, settle
from podunit.install import Change, locked
from podunit.names import MARK

_OLD, _NEW = {"a": "old", "b": "old"}, {"a": "new", "c/d": "new"}


class DeathError(BaseException):
    """Stands for SIGKILL: nothing runs after it."""


@contextmanager
def die_at(step: int) -> Iterator[None]:
    """Die instead of the change of this number."""
    numbers = itertools.count(1)

    def spoil(operation: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if next(numbers) == step:
                raise DeathError
            return operation(*arguments, **options)

        return run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "rename", spoil(Path.rename))
        patch.setattr(Path, "unlink", spoil(Path.unlink))
        patch.setattr(exchange, "_swap", spoil(exchange._swap))
        yield


@pytest.fixture(params=["in one step", "in three"])
def swaps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a file system that can swap two names, and one that cannot."""
    if request.param == "in three":
        monkeypatch.setattr(exchange, "_swap", lambda *_: False)


def fill(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def read(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in list_content(folder)}


def prepare(parent: Path, old: dict[str, str]) -> Exchange:
    """An exchange that may be made, in a new folder."""
    parent.mkdir()
    fill(parent / "web", old)
    fill(parent / "web_new", _NEW)
    begin(parent / "web_new")
    return Exchange(parent / "web", parent / "web_new")


@pytest.mark.usefixtures("swaps")
@pytest.mark.parametrize("old", [_OLD, {}])
def test_each_takes_the_place_of_the_other(old: dict[str, str], tmp_path: Path) -> None:
    one = prepare(tmp_path / "1", old)
    one.make()
    assert (read(one.folder), read(one.successor)) == (_NEW, old)
    one.undo()
    assert (read(one.folder), one.folder.exists()) == (old, bool(old))
    other = prepare(tmp_path / "2", old)
    other.make()
    settle(other.folder)
    assert sorted(path.name for path in other.folder.iterdir()) == ["a", "c"]


@pytest.mark.usefixtures("swaps")
@pytest.mark.parametrize("old", [_OLD, {}])
def test_who_dies_on_the_way_can_be_undone_even_if_that_dies_too(old: dict[str, str], tmp_path: Path) -> None:
    deaths = 0
    for first, second, third in itertools.product(range(1, 5), range(1, 5), range(1, 5)):
        one = prepare(tmp_path / f"{first}-{second}-{third}", old)
        for step, what in ((first, one.make), (second, one.undo), (third, one.undo)):
            try:
                with die_at(step):
                    what()
            except DeathError:
                deaths += 1
            assert read(one.folder) in (old, _NEW, {})
        one.undo()
        assert (read(one.folder), one.folder.exists()) == (old, bool(old))
    assert deaths > 20


def test_a_reader_finds_the_whole_of_one_or_the_other(tmp_path: Path) -> None:
    one = prepare(tmp_path / "1", _OLD)
    over = threading.Event()
    found: set[str] = set()

    def look() -> None:
        while not over.is_set():
            handle = os.open(one.folder, os.O_RDONLY)
            names = sorted(path.name for path in Path(f"/proc/self/fd/{handle}").iterdir())
            found.add(" ".join(name for name in names if not name.startswith(".")))
            os.close(handle)

    reader = threading.Thread(target=look)
    reader.start()
    # As often as it takes until the reader has seen more than one.
    for number in range(100_000):
        if number >= 500 and len(found) > 1:
            break
        one.make()
    over.set()
    reader.join()
    assert found == {"a b", "a c"}


def test_an_error_of_the_system_is_one(tmp_path: Path) -> None:
    one = prepare(tmp_path / "1", _OLD)
    (tmp_path / "1/web_new").rename(tmp_path / "1/elsewhere")
    with pytest.raises(FileNotFoundError) as caught:
        one.make()
    assert caught.value.errno == errno.ENOENT
    assert read(one.folder) == _OLD


@pytest.mark.usefixtures("swaps")
def test_units_and_folders_change_together_or_not_at_all(tmp_path: Path) -> None:
    seen = set()
    for step in range(1, 40):
        one = prepare(tmp_path / f"{step}", _OLD)
        units = tmp_path / f"{step}/units"
        with locked(units) as directory:
            directory.write(Change(created=("a.service",)), {"a.service": f"{MARK}\nold"})
        with locked(units) as directory, pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(directory), "recover", lambda _: False)
            try:
                with die_at(step):
                    directory.write(Change(updated=("a.service",)), {"a.service": f"{MARK}\nnew"}, (one,))
            except DeathError:
                pass
        with locked(units) as directory:
            texts = directory.read()["a.service"], read(one.folder)
        assert texts in ((f"{MARK}\nold", _OLD), (f"{MARK}\nnew", _NEW))
        seen.add(texts[0][-3:])
    assert seen == {"old", "new"}


def test_an_error_undoes_both(tmp_path: Path) -> None:
    one, other = prepare(tmp_path / "1", _OLD), prepare(tmp_path / "2", _OLD)
    (tmp_path / "2/web_new").rename(tmp_path / "2/elsewhere")
    with pytest.raises(PodunitError), locked(tmp_path / "units") as directory:
        directory.write(Change(created=("a.service",)), {"a.service": f"{MARK}\nnew"}, (one, other))
    assert not (tmp_path / "units/a.service").exists()
    assert (read(one.folder), read(other.folder)) == (_OLD, _OLD)
