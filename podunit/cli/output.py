"""All that podunit prints: problems of an input, errors of the system, what became of pods, tables.

In: objects of the other rooms. Out: text on standard output (what was asked for) or standard error (everything else).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from podunit.bringup import PodOutcome
    from podunit.cli.settings import Settings
    from podunit.condition import Condition
    from podunit.errors import PodunitError
    from podunit.events import Event
    from podunit.failures import UnitFailure
    from podunit.history import Exit
    from podunit.planning import GoneBack, Outcome
    from podunit.report import Problem, Report
    from podunit.states import PodState, PodSummary


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


def print_note(text: str) -> None:
    """Print what the command is doing, where that needs saying."""
    print(f"note: {text}", file=sys.stderr)


def print_error(error: PodunitError) -> None:
    """Print why the system said no."""
    _print_error(error.message)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)


def print_hint(text: str) -> None:
    """Print what to do now."""
    print(f"  hint: {text}", file=sys.stderr)


def print_outcome(done: Outcome, settings: Settings) -> None:
    """Print what became of each pod and, if somebody wants to know, of each unit file."""
    if settings.verbose:
        change = done.change
        for word, names in (("created", change.created), ("updated", change.updated), ("removed", change.removed)):
            for name in names:
                print(f"unit {name}: {word}")
    for line in list_object_words(done):
        settings.print_success(line)
    for outcome in done.pods:
        if outcome.job:
            _print_failure(outcome)
        elif outcome.done:
            settings.print_success(f"pod {outcome.pod}: {', '.join(outcome.done)}")
        for drift in done.drift.get(outcome.pod, ()):
            settings.print_success(f"  drift: {drift}")


def print_sum(done: Outcome, settings: Settings) -> None:
    """Print how many pods were changed, and so on, to standard error: standard output has a line for each."""
    if not settings.quiet:
        counts = count_pods(done)
        print(f"summary: {', '.join(f'{number} {word}' for word, number in counts.items())}", file=sys.stderr)


def count_pods(done: Outcome) -> dict[str, int]:
    """How many pods a command has made or changed, left, started or restarted, deleted, and brought up in vain."""

    def count(*words: str) -> int:
        said = [word for outcome in done.pods if not outcome.job for word in dict.fromkeys(outcome.done)]
        return sum(word.split()[-1] in words and "not" not in word.split() for word in said)

    return {
        "changed": count("created", "changed", "rewritten"),
        "unchanged": count("unchanged"),
        "restarted": count("started", "restarted"),
        "deleted": count("deleted"),
        "failed": sum(bool(outcome.job) for outcome in done.pods),
    }


def print_gone_back(done: Outcome, gone_back: GoneBack) -> None:
    """Print what has failed, to what was gone back for that, and whether that is up."""
    for outcome in gone_back.failed:
        _print_failure(outcome)
    to = f"generation {gone_back.generation}" if gone_back.generation else "what was there before"
    _print_error(f"went back to {to}: {gone_back.reason}")
    if failed := [outcome.pod for outcome in done.pods if outcome.job]:
        _print_error(f"what was gone back to is not up either: {', '.join(failed)}")


def list_object_words(done: Outcome) -> list[str]:
    """What became of objects, a line for each of which the pods do not tell."""
    from podunit.planning import TOLD_BY_PODS

    parts = [(*name.partition("."), word) for name, word in done.objects.items()]
    return [f"{kind} {own}: {word}" for kind, _, own, word in parts if kind not in TOLD_BY_PODS]


def describe_outcome(done: Outcome) -> dict[str, object]:
    """What became of pods and unit files, as the object that is printed as JSON; its keys are stable."""
    return {
        "schemaVersion": 1,
        "units": {
            "created": list(done.change.created),
            "updated": list(done.change.updated),
            "removed": list(done.change.removed),
        },
        "objects": dict(done.objects),
        "summary": count_pods(done),
        "goneBack": done.gone_back and {"generation": done.gone_back.generation, "reason": done.gone_back.reason},
        "pods": [
            {
                "pod": outcome.pod,
                "done": list(outcome.done),
                "job": outcome.job or "done",
                "failures": [failure.describe() for failure in outcome.failures],
                "drift": [drift.describe() for drift in done.drift.get(outcome.pod, ())],
            }
            for outcome in done.pods
        ],
    }


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns, as wide as their widest cell."""
    for line in _align(header, rows):
        print(line)


def draw_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Show a table in place of what is on the terminal, as much of it as there is room for."""
    width, height = shutil.get_terminal_size()
    lines = _align(header, rows)[: height - 1]
    # ECMA-48: to the first line, and erase from there to the end of each line, and what is below.
    print("\x1b[H" + "".join(f"{line[:width]}\x1b[K\n" for line in lines) + "\x1b[J", end="", flush=True)


def _align(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return ["   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def format_bytes(number: float | None) -> str:
    """A number of bytes in systemd's units: 512B, 12.3M, - for what is not known."""
    if number is None:
        return "-"
    for unit in "BKMGT":
        if number < 1024 or unit == "T":
            break
        number /= 1024
    return f"{number:.0f}B" if unit == "B" else f"{number:.1f}{unit}"


def print_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2))


def _print_failure(outcome: PodOutcome) -> None:
    from podunit.deploy import DEADLINE

    named = [failure.container for failure in outcome.failures if failure.container]
    because = f": container '{named[0]}' failed" if named else ""
    if outcome.job == "canceled":
        because = f": its job was canceled by another{because}"
    if outcome.job == DEADLINE:
        because = f": not within its deadline{because}"
    _print_error(f"pod '{outcome.pod}' is not {outcome.aim}{because}")
    _print_failures(outcome.failures, sys.stderr)
    if not outcome.failures:
        print(f"  hint: see journalctl --unit=pod@{outcome.pod}", file=sys.stderr)


def print_pod_state(state: PodState) -> None:
    """Print the head of a pod's status, and what keeps it from being up."""
    from podunit.states import Phase, format_time

    color = {"active": "1;32", "failed": "1;31"}.get(state.active, "0")
    since = f" since {format_time(state.since_usec)}" if state.since_usec else ""
    succeeded = f", {Phase.SUCCEEDED}" if state.summary.phase is Phase.SUCCEEDED else ""
    print(f"pod {state.pod}: {paint(f'{state.active} ({state.sub})', color)}{succeeded}{since}")
    print(f"  unit: {state.unit} ({state.file}; {state.enabled or 'not enabled'})")
    if state.next_run_usec:
        print(f"  next run: {format_time(state.next_run_usec)}")
    if state.unenforced:
        print(f"  not enforced: {', '.join(f'{name}=' for name in state.unenforced)}: {state.why_unenforced}")
    _print_failures(state.failures, sys.stdout)


_EVENT_HEADER = ("TIME", "TYPE", "REASON", "OBJECT", "MESSAGE")
# Wide enough for what comes: a line is printed before the next is known.
_EVENT_FORMAT = "{:<20}   {:<7}   {:<17}   {:<28}   {}"


def print_events(events: Iterable[Event], *, as_json: bool, watch: bool) -> None:
    """Print events as they come, in JSON one a line; else all at once."""
    if as_json and watch:
        for event in events:
            print(json.dumps(event.describe()), flush=True)
    elif as_json:
        print_json({"schemaVersion": 1, "events": [event.describe() for event in events]})
    elif watch:
        print(_EVENT_FORMAT.format(*_EVENT_HEADER), flush=True)
        for event in events:
            print(_EVENT_FORMAT.format(*_list_cells(event)), flush=True)
    else:
        print_event_table(events)


def print_event_table(events: Iterable[Event]) -> None:
    """Print events that have all happened."""
    print_table(_EVENT_HEADER, map(_list_cells, events))


def _list_cells(event: Event) -> tuple[str, ...]:
    from podunit.states import format_time

    return (format_time(event.at_usec), event.type, event.reason, event.subject, event.message)


def print_unmet(summary: PodSummary, condition: Condition, why: str) -> None:
    """Print that a pod is not what it was waited for to be, and what it is instead."""
    from podunit.states import Phase

    _print_error(f"pod '{summary.pod}' is not {condition}: {why}")
    unready = [one.container for one in summary.containers if not one.init and not one.ready]
    waiting = f", not ready: {', '.join(unready)}" if summary.phase is Phase.RUNNING and unready else ""
    print(f"  it is {summary.phase}{waiting}", file=sys.stderr)


def print_containers(pods: Iterable[PodSummary], *, wide: bool) -> None:
    """Print a table of pods' containers; READY is said of the whole pod."""
    header = ["POD", "PHASE", "READY", "CONTAINER", "STATE", "RESTARTS", "LAST EXIT", "PID", "IMAGE"]
    rows = [
        [
            state.pod,
            pod.phase,
            pod.ready,
            state.container,
            f"{state.active} ({state.sub}{', not ready' if state.active == 'active' and not state.ready else ''})",
            str(state.restarts),
            format_exit(state.last_exit),
            str(state.main_pid or "-"),
            state.image,
            *((state.unit, state.result, state.cgroup or "-", state.owner or "-") if wide else ()),
        ]
        for pod in pods
        for state in pod.containers
    ]
    print_table([*header, *(("UNIT", "RESULT", "CGROUP", "OWNER") if wide else ())], rows)


def format_exit(last: Exit | None) -> str:
    """How and when a container ended: '137 (OOMKilled) 2026-01-02T03:04:05Z', '-' if it has not."""
    if last is None:
        return "-"
    from podunit.states import format_time

    why = "OOMKilled" if last.oom_killed else last.signal
    return f"{last.status}{f' ({why})' if why else ''} {format_time(last.at_usec)}"


def _print_failures(failures: Iterable[UnitFailure], stream: TextIO) -> None:
    for failure in failures:
        ending = f", {failure.ending}" if failure.ending else ""
        print(f"  {failure.unit}: {failure.result}{ending}", file=stream)
        for line in failure.log:
            print(f"    {line}", file=stream)


def _print_error(message: str) -> None:
    print(f"{_paint('error:', '1;31', sys.stderr.isatty())} {message}", file=sys.stderr)


def _print_text(problems: Iterable[Problem]) -> None:
    from podunit.report import Level

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
    from podunit.source import split_lines

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
            carets = _paint("^" * at.width, "1;32", terminal=True)
            print(f"    {text}\n    {' ' * (at.column - 1)}{carets}", file=sys.stderr)


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


class Color(StrEnum):
    """When to use colors."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


_color = Color.AUTO


def set_color(color: Color) -> None:
    """Say when to use colors; `auto` is on a terminal, unless NO_COLOR is set (no-color.org)."""
    global _color
    _color = color


def paint(text: str, color: str) -> str:
    """A text for standard output in a color of ECMA-48, if colors are wanted there."""
    return _paint(text, color, sys.stdout.isatty())


def choose_colors(names: Iterable[str]) -> dict[str, str]:
    """A color for each name."""
    return {name: str(36 - index % 6) for index, name in enumerate(names)}


def _paint(text: str, color: str, terminal: bool) -> str:
    wanted = _color is Color.ALWAYS or (_color is Color.AUTO and terminal and not os.environ.get("NO_COLOR"))
    return f"\x1b[{color}m{text}\x1b[0m" if wanted else text
