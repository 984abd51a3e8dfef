"""What `podunit.unfinished` promises: what is noted is there until it is done, whenever its writer dies."""

from __future__ import annotations

from pathlib import Path

from podunit.unfinished import UNFINISHED, Ask, Doom, Unfinished

_WEB = Ask("web", enable=("pod@web.service",), restart=("container@web.a.service",), start=("pod@web.service",))
_DB = Doom("db", units=("pod@db.service",), objects=("Pod.db",), claims=("data",))


def test_what_is_noted_is_read_until_it_is_done(tmp_path: Path) -> None:
    notes = Unfinished(tmp_path)
    assert notes.read() == {}
    notes.note([_WEB, _DB])
    assert notes.read() == {"web": _WEB, "db": _DB}
    assert notes.list_deleted() == {"Pod.db"}
    notes.note([Ask("db", stop=("a.timer",))])
    notes.end("web")
    assert notes.read() == {"db": Ask("db", stop=("a.timer",))}
    notes.clear()
    assert (tmp_path / UNFINISHED).exists()
    notes.end("db")
    assert notes.read() == {}
    assert notes.list_deleted() == {"Pod.db"}
    notes.clear()
    assert list(tmp_path.iterdir()) == []


def test_what_comes_with_a_change_takes_the_place_of_earlier_notes(tmp_path: Path) -> None:
    notes = Unfinished(tmp_path)
    notes.note([_WEB, _DB])
    notes.end("db")
    (tmp_path / UNFINISHED).write_text(notes.compose([Ask("web")]), encoding="utf-8")
    assert notes.read() == {"web": Ask("web")}


def test_a_note_that_was_cut_off_is_none(tmp_path: Path) -> None:
    notes = Unfinished(tmp_path)
    notes.note([_WEB])
    whole = (tmp_path / UNFINISHED).read_bytes()
    notes.note([_DB])
    more = (tmp_path / UNFINISHED).read_bytes()
    for size in range(len(whole), len(more) - 1):
        (tmp_path / UNFINISHED).write_bytes(more[:size])
        assert notes.read() == {"web": _WEB}
    # The next one begins a line of its own.
    notes.note([_DB])
    assert notes.read() == {"web": _WEB, "db": _DB}


def test_nothing_to_note_leaves_nothing(tmp_path: Path) -> None:
    notes = Unfinished(tmp_path)
    notes.note([])
    notes.end("web")
    notes.clear()
    assert list(tmp_path.iterdir()) == []
