"""Room 0: all that can be said about an input.

Positions and sentences enter, an ordered list of problems leaves. This file must not know YAML, Kubernetes or
the terminal: it prints nothing and ends nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from podunit.record import record


class Level(StrEnum):
    """How bad a problem is: an error ends the command after the stage that found it, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@record
class Position:
    """A place in a file, `width` characters wide; line and column count from 1, columns in characters."""

    file: str
    line: int
    column: int
    width: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@record
class Problem:
    """One sentence about one place; `path` is the field it is about, '' for the text as such."""

    at: Position
    level: Level
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        subject = f"{self.path}: " if self.path else ""
        return f"{self.at}: {self.level}: {subject}{self.message}"


class Report:
    """Collects the problems of one command, each once."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self._files: dict[str, int] = {}
        self._prefix = ""

    def within(self, path: str) -> Report:
        """This report, for whoever knows paths only from the field `path` on."""
        view = Report()
        view._problems, view._files = self._problems, self._files
        view._prefix = self._complete(path)
        return view

    def error(self, at: Position, path: str, message: str, hint: str = "") -> None:
        """Add a problem that ends the command."""
        self._add(at, Level.ERROR, path, message, hint)

    def warning(self, at: Position, path: str, message: str, hint: str = "") -> None:
        """Add a problem that the command survives."""
        self._add(at, Level.WARNING, path, message, hint)

    def drop_warnings(self, files: Collection[str]) -> None:
        """Forget the warnings about these files."""
        for problem in [one for one in self._problems if one.level is Level.WARNING and one.at.file in files]:
            del self._problems[problem]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems: files in the order they were first seen, each from top to bottom."""
        return tuple(
            sorted(self._problems, key=lambda found: (self._files[found.at.file], found.at.line, found.at.column))
        )

    @property
    def failed(self) -> bool:
        """Whether there is an error among the problems."""
        return any(problem.level is Level.ERROR for problem in self._problems)

    def _add(self, at: Position, level: Level, path: str, message: str, hint: str) -> None:
        self._files.setdefault(at.file, len(self._files))
        self._problems[Problem(at, level, _escape(self._complete(path)), _escape(message), _escape(hint))] = None

    def _complete(self, path: str) -> str:
        if not self._prefix or not path:
            return self._prefix or path
        return self._prefix + path if path.startswith("[") else f"{self._prefix}.{path}"


def _escape(text: str) -> str:
    # The user's text is quoted in these sentences: a line break would end the one-line format, and an escape
    # sequence of the terminal would be obeyed by it.
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
