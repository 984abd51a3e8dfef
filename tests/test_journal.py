"""What `podunit.journal` promises: the lines that units and their containers have printed, and nothing else.

journalctl is played by a program that prints recorded entries and writes down what it was asked for.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from podunit import journal
from podunit.errors import PodunitError
from podunit.journal import find_last_lines, read_log
from podunit.scope import Scope
from tests.journalctl import Journalctl

_UNIT = "container@web.main.service"
_OTHER = "container@web.other.service"

_NUMBERS = itertools.count()


def printed(message: object, unit: str = _UNIT, **fields: object) -> dict[str, object]:
    """An entry that a container's monitor has written, as `journalctl --output=json` prints it."""
    return {
        "__CURSOR": f"s=0;i={next(_NUMBERS):x}",
        "__REALTIME_TIMESTAMP": "1764000000000000",
        "_TRANSPORT": "journal",
        "_SYSTEMD_UNIT": unit,
        "_COMM": "conmon",
        "CONTAINER_NAME": "web.main",
        "CONTAINER_ID_FULL": "0" * 64,
        "PRIORITY": "6",
        "MESSAGE": message,
        **fields,
    }


def said(message: str, unit: str = _UNIT) -> dict[str, object]:
    """An entry that a process of the unit itself has printed, such as podman's error."""
    entry = printed(message, unit, _TRANSPORT="stdout", _COMM="podman")
    return {name: value for name, value in entry.items() if not name.startswith("CONTAINER_")}


# Of podman's own, none of which anybody has printed.
_EVENT = printed("container start 0123", PODMAN_EVENT="start", PODMAN_TYPE="container", _COMM="podman")
_WARNING = {
    name: value
    for name, value in printed("conmon 0123 <ninfo>: addr", _TRANSPORT="syslog").items()
    if not name.startswith("CONTAINER_")
}
_NOISE = (_EVENT, _WARNING)


def read(
    units: tuple[str, ...] = (_UNIT,), scope: Scope = Scope.SYSTEM, lines: int | None = None, since: str | None = None
) -> list[tuple[str, str]]:
    return list(read_log(units, scope, follow=False, lines=lines, since=since))


# The past


def test_only_what_was_printed_is_a_line(journalctl: Journalctl) -> None:
    journalctl.answer(printed("one"), *_NOISE, said("Error: no such image"), printed("two"), _EVENT)
    assert read() == [(_UNIT, "one"), (_UNIT, "Error: no such image"), (_UNIT, "two")]


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a\n", "a"),
        ("a\n\n", "a\n"),
        ("  blanks  ", "  blanks  "),
        ("Grüße 🐋", "Grüße 🐋"),
        (list(b"not \xff UTF-8"), "not � UTF-8"),
        (list("ü\x1b[0m\n".encode()), "ü\x1b[0m"),
        ([], ""),
        (None, ""),
    ],
)
def test_a_message_is_text_or_bytes_or_too_long(message: object, line: str, journalctl: Journalctl) -> None:
    journalctl.answer(printed(message))
    assert read() == [(_UNIT, line)]


def test_an_entry_without_a_message_is_an_empty_line(journalctl: Journalctl) -> None:
    entry = printed("")
    del entry["MESSAGE"]
    journalctl.answer(entry)
    assert read() == [(_UNIT, "")]


def test_nothing_was_printed(journalctl: Journalctl) -> None:
    journalctl.answer()
    assert read() == []


def test_each_line_has_its_unit(journalctl: Journalctl) -> None:
    journalctl.answer(printed("a", _OTHER), printed("b"), printed("c", _OTHER))
    assert read((_UNIT, _OTHER)) == [(_OTHER, "a"), (_UNIT, "b"), (_OTHER, "c")]
    (call,) = journalctl.calls
    assert call[-2:] == [f"_SYSTEMD_UNIT={_UNIT}", f"_SYSTEMD_UNIT={_OTHER}"]
    assert {"--quiet", "--no-pager", "--output=json"} <= set(call)


def test_a_users_units_have_a_field_of_their_own(journalctl: Journalctl) -> None:
    journalctl.answer(printed("a", "user@1000.service", _SYSTEMD_USER_UNIT=_UNIT))
    assert read(scope=Scope.USER) == [(_UNIT, "a")]
    assert journalctl.calls[0][-1] == f"_SYSTEMD_USER_UNIT={_UNIT}"


@pytest.mark.parametrize(
    ("lines", "expected"), [(0, []), (1, ["5"]), (3, ["3", "4", "5"]), (6, list("012345")), (99, list("012345"))]
)
def test_the_last_lines_are_counted_without_the_noise(lines: int, expected: list[str], journalctl: Journalctl) -> None:
    journalctl.answer(*(entry for number in range(6) for entry in (printed(str(number)), *_NOISE)))
    assert [line for _, line in read(lines=lines)] == expected


def test_enough_entries_are_asked_for(journalctl: Journalctl) -> None:
    journalctl.answer()
    read((_UNIT, _OTHER), lines=10)
    (asked,) = (int(word.removeprefix("--lines=")) for word in journalctl.calls[0] if word.startswith("--lines="))
    assert asked >= 20


def test_since_is_for_journalctl_to_understand(journalctl: Journalctl) -> None:
    journalctl.answer()
    journalctl.answer()
    read(since="-10m")
    read()
    assert "--since=-10m" in journalctl.calls[0]
    assert not [word for word in journalctl.calls[1] if word.startswith(("--since", "--lines"))]


def test_a_journalctl_that_fails_is_an_error(journalctl: Journalctl) -> None:
    journalctl.answer(stderr="Failed to parse timestamp: soon\n", status=1)
    with pytest.raises(PodunitError, match=r"^journalctl: Failed to parse timestamp: soon$"):
        read(since="soon")


def test_a_journalctl_that_fails_without_a_word_is_an_error(journalctl: Journalctl) -> None:
    journalctl.answer(printed("one"), status=3)
    with pytest.raises(PodunitError, match=r"^journalctl: exit status 3$"):
        read()


def test_without_journalctl_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PodunitError, match=r"^journalctl: "):
        read()


# What comes


def follow(lines: int | None = None, since: str | None = None) -> Iterator[tuple[str, str]]:
    return read_log((_UNIT,), Scope.SYSTEM, follow=True, lines=lines, since=since)


def test_following_goes_on_after_the_past(journalctl: Journalctl) -> None:
    past = (printed("one"), printed("two"), _EVENT)
    journalctl.answer(*past)
    journalctl.answer(_EVENT, printed("three"), _WARNING, printed("four"))
    found = follow()
    assert [next(found)[1] for _ in range(4)] == ["one", "two", "three", "four"]
    assert journalctl.is_running()
    found.close()  # type: ignore[attr-defined]
    assert not journalctl.is_running()
    first, second = journalctl.calls
    assert "--follow" not in first
    assert {f"--after-cursor={_EVENT['__CURSOR']}", "--no-tail", "--follow", f"_SYSTEMD_UNIT={_UNIT}"} <= set(second)
    assert not [word for word in second if word.startswith(("--lines", "--since"))]


def test_of_the_past_only_the_last_lines_are_shown(journalctl: Journalctl) -> None:
    journalctl.answer(printed("one"), printed("two"))
    journalctl.answer(printed("three"))
    found = follow(lines=1, since="-1h")
    assert [next(found)[1] for _ in range(2)] == ["two", "three"]
    found.close()  # type: ignore[attr-defined]
    assert "--since=-1h" in journalctl.calls[0]


def test_without_a_past_only_what_comes_is_shown(journalctl: Journalctl) -> None:
    journalctl.answer()
    journalctl.answer(printed("one"))
    found = follow()
    assert next(found) == (_UNIT, "one")
    found.close()  # type: ignore[attr-defined]
    assert {"--lines=0", "--follow"} <= set(journalctl.calls[1])


def test_a_follower_that_fails_is_an_error(journalctl: Journalctl) -> None:
    journalctl.answer(printed("one"))
    journalctl.answer(stderr="Failed to open journal\n", status=1)
    found = follow()
    assert next(found)[1] == "one"
    with pytest.raises(PodunitError, match=r"^journalctl: Failed to open journal$"):
        next(found)


# The last lines of a unit that failed


def test_the_last_lines_of_a_unit(journalctl: Journalctl) -> None:
    journalctl.answer(printed("one"), *_NOISE, printed(list(b"t\xffo")), said("three"))
    assert asyncio.run(find_last_lines(_UNIT, Scope.SYSTEM, 1_764_000_000_999_999, 2)) == ("t�o", "three")
    (call,) = journalctl.calls
    assert "--since=@1764000000" in call
    assert call[-1] == f"_SYSTEMD_UNIT={_UNIT}"


def test_a_unit_that_has_just_ended_may_have_last_words_that_the_journal_does_not_know_yet(
    journalctl: Journalctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_STEP_SEC", 0)
    for _ in range(3):
        journalctl.answer()
    journalctl.answer(printed("one"))
    assert asyncio.run(find_last_lines(_UNIT, Scope.SYSTEM, 1, 10)) == ("one",)
    journalctl.answer()
    journalctl.answer(printed("one"))
    assert asyncio.run(find_last_lines(_UNIT, Scope.SYSTEM, 0, 10)) == ()


def test_the_last_lines_are_no_reason_to_fail(
    journalctl: Journalctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journalctl.answer(stderr="no journal", status=1)
    assert asyncio.run(find_last_lines(_UNIT, Scope.USER, 0, 10)) == ()
    monkeypatch.setenv("PATH", f"{tmp_path}/empty")
    assert asyncio.run(find_last_lines(_UNIT, Scope.USER, 0, 10)) == ()
