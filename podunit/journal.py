"""The journal: what a unit's own processes and its container have printed.

In: names of units. Out: lines. Knows journalctl(1), the journal's one stable interface from outside C.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterable, Iterator

from podunit.calls import call
from podunit.errors import PodunitError
from podunit.scope import Scope

_TIMEOUT_SEC = 20
# Of so many entries at least one is the unit's own, and not podman's bookkeeping.
_NOISE = 5
# systemd tells of the end of a unit before the journal has its last words.
_STEP_SEC = 0.1
_STEPS = 10


async def find_last_lines(unit: str, scope: Scope, since_usec: int, lines: int) -> tuple[str, ...]:
    """At most so many lines that a unit which has ended has printed since a time (microseconds of CLOCK_REALTIME).

    If there are none yet it looks again for a moment, but for a time of 0: what has ended long ago has said all.
    """
    for _ in range(_STEPS if since_usec else 0):
        if found := _read_last_lines(unit, scope, since_usec, lines):
            return found
        await asyncio.sleep(_STEP_SEC)
    return _read_last_lines(unit, scope, since_usec, lines)


def _read_last_lines(unit: str, scope: Scope, since_usec: int, lines: int) -> tuple[str, ...]:
    command = _command([unit], scope, f"--lines={lines * _NOISE}", f"--since=@{since_usec // 1_000_000}")
    try:
        done = call(command, _TIMEOUT_SEC)
    except PodunitError:
        # Only an addition to a message that is already complete.
        return ()
    entries = map(json.loads, done.stdout.splitlines())
    return tuple(_read_message(entry) for entry in entries if _is_own(entry))[-lines:]


def read_log(
    units: tuple[str, ...], scope: Scope, *, follow: bool, lines: int | None, since: str | None
) -> Iterator[tuple[str, str]]:
    """The units' lines, oldest first, each with its unit; with `follow` as they come, until this is closed.

    `since` is a time as journalctl takes it; of the past, `lines` are returned at most.
    """
    field = _unit_field(scope)
    past = [f"--since={since}"] if since else []
    if lines is not None:
        past.append(f"--lines={lines * _NOISE * len(units)}")
    cursor = ""
    own = []
    for entry in _run(_command(units, scope, *past)):
        cursor = str(entry["__CURSOR"])
        if _is_own(entry):
            own.append((str(entry.get(field, "")), _read_message(entry)))
    yield from own if lines is None else own[len(own) - min(lines, len(own)) :]
    if follow:
        rest = [f"--after-cursor={cursor}", "--no-tail"] if cursor else ["--lines=0"]
        for entry in _run(_command(units, scope, *rest, "--follow")):
            if _is_own(entry):
                yield str(entry.get(field, "")), _read_message(entry)


def read_entries(alternatives: Iterable[Iterable[str]], *options: str) -> Iterator[dict[str, object]]:
    """The entries that fit one of these lists of `FIELD=value`, as journalctl prints them; `options` are its own.

    Of one field any value of a list will do, and each field has to fit.
    """
    matches: list[str] = []
    for alternative in alternatives:
        matches += [*(["+"] if matches else []), *alternative]
    yield from _run(["journalctl", "--quiet", "--no-pager", "--output=json", *options, *matches])


def _run(command: list[str]) -> Iterator[dict[str, object]]:
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise PodunitError(f"journalctl: {error.strerror}") from None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        try:
            yield from map(json.loads, process.stdout)
            said = process.stderr.read().decode(errors="replace").strip()
        finally:
            process.terminate()
    if process.returncode > 0:
        raise PodunitError(f"journalctl: {said or f'exit status {process.returncode}'}")


def _command(units: Iterable[str], scope: Scope, *options: str) -> list[str]:
    matches = [f"{_unit_field(scope)}={unit}" for unit in units]
    return ["journalctl", "--quiet", "--no-pager", "--output=json", *options, *matches]


def _unit_field(scope: Scope) -> str:
    return "_SYSTEMD_USER_UNIT" if scope is Scope.USER else "_SYSTEMD_UNIT"


def _is_own(entry: dict[str, object]) -> bool:
    # Printed by a process of the unit, or by the container, for which its monitor writes. podman's events and the
    # monitor's own warnings come over the syslog socket or with a field that names the event.
    return "PODMAN_EVENT" not in entry and (entry.get("_TRANSPORT") == "stdout" or "CONTAINER_NAME" in entry)


def _read_message(entry: dict[str, object]) -> str:
    # What is not UTF-8 comes as a list of bytes, what is too long as null.
    message = entry.get("MESSAGE")
    text = bytes(message).decode(errors="replace") if isinstance(message, list) else str(message or "")
    return text.removesuffix("\n")
