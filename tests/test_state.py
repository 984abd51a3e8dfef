"""What `podunit.state` and `podunit.documents` promise: objects read back as they were, files change as a whole."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

import pytest

from podunit.documents import dump_document
from podunit.errors import PodunitError
from podunit.report import Report
from podunit.scope import Scope
from podunit.source import Entry, Mapping, Node, Scalar, Sequence, parse_documents
from podunit.state import StateFolder, find_state_folder

_FILES = {"web": {"volumes/a/x/y": b"\x00\xff", "env/a/web.a_0": b"secret"}, "none": {}}


def strip(node: Node) -> object:
    """A node without its positions."""
    match node:
        case Scalar():
            # Nothing, null and ~ are one.
            return (node.text if node.tag != "null" else "", node.tag)
        case Sequence():
            return [strip(item) for item in node.items]
        case Mapping():
            return sorted((entry.key.text, strip(entry.value)) for entry in node.entries)


def parse(text: str) -> tuple[Node, ...]:
    report = Report()
    documents = parse_documents(text.encode(), "f", report)
    assert not report.problems
    return documents


@pytest.mark.parametrize(
    "text",
    [
        "a: 0644\nb: yes\nc: '0644'\nd: null\ne:\nf: ~\ng: 1e3\nh: .5\ni: 2001-01-01\nj: 'null'\nk: 0x1f",
        "{}",
        "a: []\nb: {}\nc: [[], {}, [1, [2]], {d: [e, {f: g}]}]",
        '- \'quote " backslash \\\\ percent %\'\n- "\\t \\x7f \\x85 \\u2028 \\ufeff ü 😀"\n- |\n  two\n  lines\n',
        "{a: &x {b: 1}, c: *x, d: {<<: *x, e: 2}}",
        "'odd key: #': v\n? 'a\n\n  b'\n: w",
    ],
)
def test_a_document_reads_back_as_it_was(text: str) -> None:
    (before,) = parse(text)
    dumped = dump_document(before)
    (after,) = parse(dumped)
    assert strip(after) == strip(before)
    assert dump_document(after) == dumped


def test_each_entry_has_a_line() -> None:
    (node,) = parse("{a: 1, b: {c: d}}")
    assert isinstance(node, Mapping)
    assert all(isinstance(entry, Entry) for entry in node.entries)
    assert dump_document(parse("# a remark\nb: {c: d}\na: 1")[0]) == dump_document(node)
    assert dump_document(node) == '{\n  "a": 1,\n  "b": {\n    "c": "d"\n  }\n}\n'


def keep(state: StateFolder, objects: dict[str, str]) -> None:
    state.commit_objects(state.stage_objects(objects, {}))


def test_what_is_staged_is_kept_with_its_place_or_discarded(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "podunit")
    staged = state.stage_objects({"Pod.web": "a"}, {"Pod.web": "/srv/web.yaml:1:1"})
    state.discard_files()
    state.commit_objects(staged)
    assert (state.read_objects(), state.read_places()) == ({}, {})
    state.commit_objects(state.stage_objects({"Pod.web": "a"}, {"Pod.web": "/srv/web.yaml:1:1"}))
    assert state.read_object("Pod.web") == "a"
    assert state.read_places() == {"Pod.web": "/srv/web.yaml:1:1"}


def test_objects_are_kept_and_forgotten(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "podunit")
    assert state.read_objects() == {}
    objects = {"Pod.web": "a\n", "Secret.db": "b\n"}
    assert state.compare_objects(objects) == {"Pod.web": "created", "Secret.db": "created"}
    keep(state, objects)
    objects["Secret.db"] = "c\n"
    assert state.compare_objects(objects) == {"Pod.web": "unchanged", "Secret.db": "changed"}
    assert state.stage_objects(objects, {}) == ("objects/Secret.db.json",)
    assert state.compare_objects(objects)["Secret.db"] == "changed"
    assert list(state.read_objects()) == ["Pod.web", "Secret.db"]
    state.commit_objects(["objects/Secret.db.json"])
    # Somebody who did this has died.
    state.commit_objects(["objects/Secret.db.json"])
    assert state.stage_objects(objects, {}) == ()
    files = state.read_objects()
    assert {name: file.read_text(encoding="utf-8") for name, file in files.items()} == {
        "Pod.web": "a\n",
        "Secret.db": "c\n",
    }
    assert {stat.S_IMODE(file.stat().st_mode) for file in files.values()} == {0o600}
    assert stat.S_IMODE((tmp_path / "podunit/objects").stat().st_mode) == 0o700
    assert state.forget_objects(["Secret.db", "Secret.other"]) == ("Secret.db",)
    assert list(state.read_objects()) == ["Pod.web"]


def test_folders_go_in_which_nothing_is(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "podunit")
    keep(state, {"Pod.web": "a"})
    (tmp_path / "podunit/pulls").mkdir()
    state.remove_empty()
    assert list(state.read_objects()) == ["Pod.web"]
    assert not (tmp_path / "podunit/pulls").exists()
    state.forget_objects(["Pod.web"])
    state.remove_empty()
    assert list(tmp_path.iterdir()) == []
    state.remove_empty()


def test_where_objects_were_read_is_kept_as_long_as_they_are(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "podunit")
    assert state.read_places() == {}
    keep(state, {"Pod.web": "a\n", "Pod.db": "b\n"})
    state.keep_places({"Pod.web": "/srv/web.yaml:1:1", "Pod.db": "/srv/web.yaml:9:1", "Pod.gone": "/srv/gone.yaml:1:1"})
    assert state.read_places() == {"Pod.web": "/srv/web.yaml:1:1", "Pod.db": "/srv/web.yaml:9:1"}
    before = (tmp_path / "podunit/places.json").stat()
    state.keep_places({"Pod.web": "/srv/web.yaml:1:1"})
    assert (tmp_path / "podunit/places.json").stat() == before
    # From standard input.
    state.keep_places({"Pod.web": ""})
    assert state.read_places() == {"Pod.db": "/srv/web.yaml:9:1"}
    state.forget_objects(["Pod.db"])
    assert state.read_places() == {}
    assert not (tmp_path / "podunit/places.json").exists()


def switch(state: StateFolder, pods: Iterable[str]) -> None:
    """What `install` does with the exchanges, and an apply at its end."""
    for exchange in state.list_exchanges(pods):
        exchange.make()
    state.commit_files(pods)
    state.discard_files()


def test_files_change_as_a_whole(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    changed = state.stage_files(_FILES)
    assert changed == {"web": frozenset(_FILES["web"])}
    assert not (tmp_path / "files/web").exists()
    switch(state, changed)
    assert (tmp_path / "files/web/volumes/a/x/y").read_bytes() == b"\x00\xff"
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "files").rglob("*") if file.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "files").rglob("*") if path.is_dir()} == {0o700}
    assert state.stage_files(_FILES) == {}
    less = {"web": {"env/a/web.a_0": b"other"}}
    changed = state.stage_files(less)
    assert changed == {"web": frozenset(_FILES["web"])}
    # Whoever died here has changed nothing, and the next one starts anew.
    assert state.stage_files(less) == changed
    state.discard_files()
    assert state.stage_files(less) == changed
    switch(state, changed)
    assert [file.name for file in (tmp_path / "files/web").rglob("*") if file.is_file()] == ["web.a_0"]
    switch(state, state.stage_files({"web": {}}))
    assert list((tmp_path / "files").iterdir()) == []
    switch(state, state.stage_files(_FILES))
    state.forget_files(["web", "none"])
    assert list((tmp_path / "files").iterdir()) == []


def test_an_error_of_the_system_is_said(tmp_path: Path) -> None:
    (tmp_path / "podunit").write_text("in the way", encoding="utf-8")
    with pytest.raises(PodunitError, match="podunit"):
        StateFolder(tmp_path / "podunit").stage_objects({"Pod.web": "a"}, {})


def test_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    assert find_state_folder(Scope.SYSTEM) == Path("/var/lib/podunit")
    assert find_state_folder(Scope.USER) == Path("/home/alice/.local/state/podunit")
