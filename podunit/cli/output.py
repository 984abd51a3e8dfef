"""All that podunit prints: problems of an input, errors of the system, what became of pods, tables.

In: objects of the other rooms. Out: text on standard output (what was asked for) or standard error (everything else).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum

from podunit.deploy import PodOutcome
from podunit.errors import PodunitError
from podunit.report import Level, Problem, Report
from podunit.source import split_lines


class Format(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def print_report(report: Report, form: Format = Format.TEXT) -> None:
    """Print all problems: for people and machines that ask for them to standard output, else to standard error."""
    match form:
        case Format.TEXT:
            _print_text(report.problems)
        case Format.JSON:
            print(json.dumps([_describe(problem) for problem in report.problems], indent=2))
        case Format.GITHUB:
            for problem in report.problems:
                print(_format_github(problem))


def print_error(error: PodunitError) -> None:
    """Print why the system said no."""
    _print_error(error.message)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)


def print_outcomes(outcomes: Iterable[PodOutcome]) -> bool:
    """Print what became of each pod; whether all is well."""
    good = True
    for outcome in outcomes:
        if outcome.job:
            good = False
            _print_failure(outcome)
        else:
            print(f"pod {outcome.pod}: {', '.join(outcome.done)}")
    return good


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns, as wide as their widest cell."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        print("   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2))


def _print_failure(outcome: PodOutcome) -> None:
    named = [failure.container for failure in outcome.failures if failure.container]
    because = f": container '{named[0]}' failed" if named else ""
    if outcome.job == "canceled":
        because = f": its job was canceled by another{because}"
    _print_error(f"pod '{outcome.pod}' is not up{because}")
    for failure in outcome.failures:
        ending = f", {failure.ending}" if failure.ending else ""
        print(f"  {failure.unit}: {failure.result}{ending}", file=sys.stderr)
        for line in failure.log:
            print(f"    {line}", file=sys.stderr)
    if not outcome.failures:
        print(f"  hint: see journalctl --unit=pod@{outcome.pod}", file=sys.stderr)


def _print_error(message: str) -> None:
    print(f"{_paint('error:', '1;31', sys.stderr.isatty())} {message}", file=sys.stderr)


def _print_text(problems: Iterable[Problem]) -> None:
    terminal = sys.stderr.isatty()
    sources: dict[str, tuple[str, ...]] = {}
    for problem in problems:
        line = str(problem)
        color = "1;31" if problem.level is Level.ERROR else "1;33"
        print(line.replace(f"{problem.level}:", _paint(f"{problem.level}:", color, terminal), 1), file=sys.stderr)
        if terminal:
            _print_source(problem, sources)
        if problem.hint:
            print(f"  hint: {problem.hint}", file=sys.stderr)


def _print_source(problem: Problem, sources: dict[str, tuple[str, ...]]) -> None:
    at = problem.at
    if at.file not in sources:
        try:
            with open(at.file, "rb") as stream:  # noqa: PTH123 (as in source.py)
                sources[at.file] = split_lines(stream.read())
        except (OSError, ValueError):
            sources[at.file] = ()
    lines = sources[at.file]
    if at.line <= len(lines) and lines[at.line - 1].strip():
        text = lines[at.line - 1].replace("\t", " ")
        if text.isprintable():
            print(f"    {text}\n    {' ' * (at.column - 1)}{_paint('^' * at.width, '1;32', True)}", file=sys.stderr)


def _describe(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.at.file,
        "line": problem.at.line,
        "column": problem.at.column,
        "level": str(problem.level),
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
    }


def _format_github(problem: Problem) -> str:
    # GitHub's workflow commands: properties escape more than the message does.
    def escape(text: str, more: str = "") -> str:
        return "".join(f"%{ord(char):02X}" if char in "%\r\n" + more else char for char in text)

    subject = f"{problem.path}: " if problem.path else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    where = f"file={escape(problem.at.file, ':,')},line={problem.at.line},col={problem.at.column}"
    return f"::{problem.level} {where}::{escape(subject + problem.message + hint)}"


def _paint(text: str, color: str, terminal: bool) -> str:
    return f"\x1b[{color}m{text}\x1b[0m" if terminal and not os.environ.get("NO_COLOR") else text
