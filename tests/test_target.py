"""What `podunit.target` promises: versions as the programs print them, and a plain no to those that are too old."""

from __future__ import annotations

import pytest

from podunit.errors import PodunitError
from podunit.target import OLDEST, Target, parse_target


def refuse(systemd: str, podman: str) -> tuple[str, str]:
    with pytest.raises(PodunitError) as caught:
        parse_target(systemd, podman)
    return caught.value.message, caught.value.hint


def test_the_oldest_is_what_nothing_else_is_older_than() -> None:
    assert parse_target("252", "4.3.1") == OLDEST == Target(252, (4, 3, 1))
    assert OLDEST.podman_text == "4.3.1"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("252", 252),
        ("252.38-1~deb12u1", 252),
        ("257.13-1~deb13u1", 257),
        ("256~rc3", 256),
        ("257 (257.9-1)", 257),
        ("260.1.2.3", 260),
        ("1000", 1000),
    ],
)
def test_a_systemd(text: str, number: int) -> None:
    assert parse_target(text, "5.4.2").systemd == number


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("4.3", (4, 3)),
        ("4.3.0", (4, 3, 0)),
        ("4.10", (4, 10)),
        ("5.4.2", (5, 4, 2)),
        ("5.4.2+ds1-2", (5, 4, 2)),
        ("5.0.0-dev", (5, 0, 0)),
        ("6.0.0-rc1", (6, 0, 0)),
        ("5", (5,)),
    ],
)
def test_a_podman(text: str, numbers: tuple[int, ...]) -> None:
    target = parse_target("257", text)
    assert target.podman == numbers
    assert text.startswith(target.podman_text)


@pytest.mark.parametrize("text", ["251", "251.9", "200", "0", "99"])
def test_a_systemd_that_is_too_old(text: str) -> None:
    expected = (f"systemd {text.partition('.')[0]} is too old", "podunit needs 252 or later")
    assert refuse(text, "5.4.2") == expected


@pytest.mark.parametrize("text", ["4.2", "4.2.9", "3.4.4", "4", "0.1"])
def test_a_podman_that_is_too_old(text: str) -> None:
    assert refuse("257", text) == (f"podman {text} is too old", "podunit needs 4.3 or later")


@pytest.mark.parametrize("text", ["", "v257", "latest", ".5", "-1", " 257", "systemd 257"])
def test_what_is_no_version(text: str) -> None:
    hint = "write it as 257, or 5.4.2"
    assert refuse(text, "5.4.2") == (f"'{text}' is not a version of systemd", hint)
    assert refuse("257", text) == (f"'{text}' is not a version of podman", hint)
