"""What holds for pods that do not say otherwise: podunit.toml, beside the specs of a machine or a user, or an option.

In: the file's path. Out: a `Choice`, or problems at their places. tomllib tells no places of keys: they are looked up
in the text.
"""

from __future__ import annotations

import os
import re

from podunit.chosen import OPTION, Choice, Engine
from podunit.decode import suggest
from podunit.report import Position, Report
from podunit.source import read_source

_ENGINE = "engine"
_HINT = f'all that the file may say is {_ENGINE} = "{Engine.PODMAN}" or "{Engine.CRUN}"'
# How tomllib's messages end.
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_KEY = r"""^[ \t]*(?:\[+[ \t]*)?(["']?)({})\1[ \t]*(?:[].]|=[ \t]*([^#\n]*[^#\s])?)"""


def choose_by_option(engine: Engine) -> Choice:
    """What the command line says."""
    return Choice(engine, Position(OPTION, 1, 1))


def read_default(path: str, report: Report) -> Choice | None:
    """What the file says; None if it is not there, or says nothing, or with an error in the report."""
    if not os.path.lexists(path):
        return None
    data = read_source(path, report)
    if data is None:
        return None

    import tomllib

    try:
        text = data.decode()
        found = tomllib.loads(text)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        at = Position(path, before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode()) + 1)
        report.error(at, "", "this is not UTF-8", "save the file as UTF-8")
        return None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        message = "too deep" if isinstance(error, RecursionError) else str(error)
        report.error(_find_place(path, text, message), "", _lower(_PLACE.sub("", message)), _HINT)
        return None
    for key in found:
        if key != _ENGINE:
            at, _ = _locate(path, text, key)
            report.error(at, "", f"unknown key '{key[:60]}'", suggest(key, [_ENGINE]) or _HINT)
    if _ENGINE not in found:
        return None
    key_at, value_at = _locate(path, text, _ENGINE)
    value = found[_ENGINE]
    if not isinstance(value, str):
        report.error(value_at, _ENGINE, "expected a string", _HINT)
    elif value not in list(Engine):
        message = f"'{value[:60]}' is not one of {', '.join(Engine)}"
        report.error(value_at, _ENGINE, message, suggest(value, list(Engine)))
    else:
        return Choice(Engine(value), key_at)
    return None


def _find_place(path: str, text: str, message: str) -> Position:
    lines = text.splitlines() or [""]
    found = _PLACE.search(message)
    if found and found[1]:
        return Position(path, int(found[1]), int(found[2]))
    return Position(path, len(lines), len(lines[-1]) + 1) if found else Position(path, 1, 1)


def _locate(path: str, text: str, key: str) -> tuple[Position, Position]:
    """Where a key is, and its value; the beginning of the file for a key that is written in some other way."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := re.match(_KEY.format(re.escape(key)), line):
            at = Position(path, number, found.start(2) + 1, max(1, len(key)))
            value = found[3]
            return at, Position(path, number, found.start(3) + 1, len(value)) if value else at
    at = Position(path, 1, 1)
    return at, at


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
