"""What `podunit.generations` promises: what was there comes back whole, is kept once, and never is a broken record."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from podunit.errors import PodunitError
from podunit.generations import Content, Fate, Generations, Origin, Snapshot

_ORIGIN = Origin("2026-01-02T03:04:05Z", "root", "podunit apply web.yaml", "alice", "why")


def snap(text: str = "one", *, key: str = "Pod.web", limit: int = 10, secret: bytes = b"\xff\0") -> Snapshot:
    content = Content({"pod@web.service": f"{text} \udcff\n"}, {"volumes/v/key": secret})
    return Snapshot(key, {key: '{"kind": "Pod"}\n'}, {key: "/srv/web.yaml:1:1"}, {"web": content}, limit)


def keep(store: Generations, *snapshots: Snapshot, fate: Fate = Fate.DONE) -> int:
    generation = store.begin(_ORIGIN, snapshots)
    store.conclude(generation, dict.fromkeys(generation.revisions, fate), {})
    return generation.number


def list_content(tmp_path: Path) -> list[str]:
    return sorted(file.name for file in (tmp_path / "generations/content").iterdir())


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    store = Generations(tmp_path)
    assert store.read() == ()
    generation = store.begin(_ORIGIN, [snap()])
    assert store.read() == (generation,)
    revision = generation.revisions["Pod.web"]
    assert (generation.number, revision.fate) == (1, Fate.BEGUN)
    assert store.load("Pod.web", revision) == snap()
    assert store.is_same(revision, snap())
    assert not store.is_same(revision, snap("other"))
    assert not store.is_same(revision, snap(secret=b""))
    store.conclude(generation, {"Pod.web": Fate.FAILED}, {"Pod.web": {"image": "sha256:0"}})
    (found,) = store.read()
    assert (found.revisions["Pod.web"].fate, found.revisions["Pod.web"].images) == (Fate.FAILED, {"image": "sha256:0"})
    assert found.origin == _ORIGIN


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    os.umask(0o022)
    keep(Generations(tmp_path), snap())
    paths = [tmp_path / "generations", *(tmp_path / "generations").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600}


def test_what_is_the_same_is_kept_once(tmp_path: Path) -> None:
    store = Generations(tmp_path)
    keep(store, snap())
    before = list_content(tmp_path)
    keep(store, snap())
    assert list_content(tmp_path) == before
    keep(store, snap("two"))
    assert len(list_content(tmp_path)) == len(before) + 1


def test_so_many_are_kept_as_the_last_one_says(tmp_path: Path) -> None:
    store = Generations(tmp_path)
    keep(store, snap("other", key="Pod.other"))
    for number in range(5):
        keep(store, snap(str(number)))
    assert [one.number for one in store.read()] == [1, 2, 3, 4, 5, 6]
    keep(store, snap("last", limit=1))
    assert [one.number for one in store.read()] == [1, 6, 7]
    kept = [store.load(key, one) for it in store.read() for key, one in it.revisions.items()]
    assert [one.pods["web"].texts["pod@web.service"].split()[0] for one in kept] == ["other", "4", "last"]
    # Three pods and the objects of two keys, which have the same text.
    assert len(list_content(tmp_path)) == 4


def test_what_is_forgotten_leaves_no_secret_and_no_number_comes_twice(tmp_path: Path) -> None:
    store = Generations(tmp_path)
    keep(store, snap())
    keep(store, snap("two"), snap(key="Pod.other"))
    store.forget({"Pod.other"})
    assert [list(one.revisions) for one in store.read()] == [["Pod.other"]]
    store.forget(())
    assert (list_content(tmp_path), [one.number for one in store.read()]) == ([], [2])
    assert keep(store, snap()) == 3
    store.clear()
    assert not (tmp_path / "generations").exists()
    store.forget(())
    assert store.read() == ()


def test_what_was_half_written_is_not_seen_and_goes(tmp_path: Path) -> None:
    store = Generations(tmp_path)
    keep(store, snap())
    folder = tmp_path / "generations"
    (folder / "2.new").write_text('{"at"')
    (folder / "content/ab.new").write_bytes(b"x")
    (folder / "content/abcd").write_bytes(b"x")
    assert [one.number for one in store.read()] == [1]
    assert [path.name for path in store.list_unused()] == ["ab.new", "abcd", "2.new"]
    # The next one that goes takes it along.
    store.forget(())
    assert store.list_unused() == ()


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    store = Generations(tmp_path)
    keep(store, snap())
    file = tmp_path / "generations/1.json"
    for text in ("{", "[]", json.dumps({"revisions": {}})):
        file.write_text(text)
        with pytest.raises(PodunitError, match="no record of podunit's"):
            store.read()


def test_the_way_back_is_the_last_that_came_up_and_is_another(tmp_path: Path) -> None:
    store = Generations(tmp_path)
    assert store.choose(store.list_past("Pod.web", snap()), snap()) is None
    keep(store, snap("one"))
    keep(store, snap("two"))
    keep(store, snap("bad"), fate=Fate.FAILED)
    keep(store, snap("worse"), fate=Fate.GONE_BACK)
    store.begin(_ORIGIN, [snap("cut off")])

    def choose(there: str) -> int:
        found = store.choose(store.list_past("Pod.web", snap(there)), snap(there))
        return found.generation.number if found else 0

    assert [choose("two"), choose("bad"), choose("one"), choose("never seen")] == [1, 2, 2, 2]
    keep(store, snap("one"))
    # Once more is back again.
    assert choose("one") == 2
    past = store.list_past("Pod.web", snap("one"))
    assert [one.generation.number for one in past if one.current] == [6]
