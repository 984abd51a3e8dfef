"""What units have done, as the journal tells: starts, ends, restarts, kills.

In: names of units. Out: `Happening`s, and of a container how it ended last. systemd forgets a unit that has ended well,
and what it knows of a run when the next one begins; the messages that it has written, known by their ID
(systemd.journal-fields(7)), stay. It does not tell of an end with a status that counts as success; podman's events do.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum

from podunit.errors import PodunitError
from podunit.journal import read_entries
from podunit.names import container_unit, parse_container_unit
from podunit.record import record
from podunit.scope import Scope

# A status above is that of a signal, as shells and podman count.
_SIGNALLED = 128


class Kind(StrEnum):
    """What has happened to a unit."""

    STARTING = "starting"
    STARTED = "started"
    NOT_STARTED = "not started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ENDED = "ended"
    DONE = "done"
    FAILED = "failed"
    RESTARTING = "restarting"
    OUT_OF_MEMORY = "out of memory"


# sd-messages.h. DONE and FAILED are the ends of a run, after those of all its processes.
_MESSAGES: Mapping[str, Kind] = {
    "7d4958e842da4a758f6c1cdc7b36dcc5": Kind.STARTING,
    "39f53479d3a045ac8e11786248231fbf": Kind.STARTED,
    "be02cf6855d2428ba40df7e9d022f03d": Kind.NOT_STARTED,
    "de5b426a63be47a7b6ac3eaac82e2f6f": Kind.STOPPING,
    "9d1aaa27d60140bd96365438aad20286": Kind.STOPPED,
    "98e322203f7a4ed290d09fe03c09fe15": Kind.ENDED,
    "7ad2d189f7e94e70a38c781354912448": Kind.DONE,
    "d9b373ed55a64feb8242e02dbe79a49c": Kind.FAILED,
    "5eb03494b6584870a536b337290809b3": Kind.RESTARTING,
    "fe6faa94e7774663a0da52717891d8ef": Kind.OUT_OF_MEMORY,
    # systemd-oomd(8).
    "d989611b15e44c9dbf31e3c81256e4ed": Kind.OUT_OF_MEMORY,
}
_DIED = "PODMAN_EVENT=died"
# The journal looks at every match for each entry: of more units it is quicker to take the entries of all.
_MANY = 100


@record
class Happening:
    """Something that has happened to a unit, at a time in microseconds of CLOCK_REALTIME.

    `status` is the exit status of what has ended, `restarts` how often the unit has been restarted by itself, `result`
    why it has failed, as in its property Result; with `finished` a start was all that the unit does.
    """

    at_usec: int
    unit: str
    kind: Kind
    status: int = 0
    restarts: int = 0
    result: str = ""
    finished: bool = False


@record
class Exit:
    """How a container ended; `asked` if somebody stopped it."""

    status: int
    at_usec: int
    oom_killed: bool = False
    asked: bool = False

    @property
    def signal(self) -> str:
        """The signal that the status stands for, as 'SIGKILL', '' for none."""
        try:
            return signal.Signals(self.status - _SIGNALLED).name
        except ValueError:
            return ""

    @property
    def reason(self) -> str:
        """A container's `reason` in its state `terminated`."""
        return "OOMKilled" if self.oom_killed else "Error" if self.status else "Completed"


@record
class Failure:
    """How a unit failed: `result` as in its property Result, and the exit status of its process, if that has ended."""

    result: str
    status: int | None


@record
class Past:
    """What is left of a container's runs since somebody started it."""

    restarts: int = 0
    last_exit: Exit | None = None


def list_matches(units: Iterable[str] | None, scope: Scope) -> tuple[list[str], list[str]]:
    """What journalctl is asked for, for `read_happening` to read; None for all units."""
    field = _unit_field(scope)
    # Anybody may write such a message. Only what the journal itself says of the writer is true.
    user = f"_UID={0 if scope is Scope.SYSTEM else os.getuid()}"
    writer = "_PID=1" if scope is Scope.SYSTEM else user
    named = tuple(units) if units is not None else ()
    of_systemd = [*(f"{field}={unit}" for unit in named), *(f"MESSAGE_ID={message}" for message in _MESSAGES), writer]
    # By podman's name of the container: in which unit it has written the journal does not know if it looks too late.
    names = [".".join(parsed) for unit in named if (parsed := parse_container_unit(unit))]
    return of_systemd, [*(f"PODMAN_NAME={name}" for name in names), _DIED, user]


def read_pasts(units: Iterable[str], scope: Scope, since_usec: int = 0) -> dict[str, Past]:
    """What this boot's journal knows of containers' runs since a time; nothing where it cannot be read."""
    return {unit: find_past(happenings) for unit, happenings in _read_happenings(units, scope, since_usec).items()}


def read_failures(units: Iterable[str], scope: Scope, since_usec: int) -> dict[str, Failure]:
    """How those units failed last which have failed since a time, though they may be on their way again."""
    found = {}
    for unit, happenings in _read_happenings(units, scope, since_usec).items():
        ended = None
        for happening in happenings:
            match happening.kind:
                case Kind.STARTING:
                    ended = None
                case Kind.ENDED:
                    ended = happening
                case Kind.FAILED if happening.at_usec >= since_usec:
                    found[unit] = Failure(happening.result, ended.status if ended else None)
    return found


def _read_happenings(units: Iterable[str], scope: Scope, since_usec: int) -> dict[str, list[Happening]]:
    units = tuple(units)
    found: dict[str, list[Happening]] = {unit: [] for unit in units}
    if not units:
        return {}
    options = ["--boot", *([f"--since=@{since_usec // 1_000_000}"] if since_usec else [])]
    try:
        for entry in read_entries(list_matches(units if len(units) <= _MANY else None, scope), *options):
            if (happening := read_happening(entry, scope)) and happening.unit in found:
                found[happening.unit].append(happening)
    except PodunitError:
        # Without it a state is complete still.
        return {}
    return found


def find_past(happenings: Iterable[Happening]) -> Past:
    """What one container's happenings come to."""
    course = Course()
    for happening in happenings:
        course.add(happening)
    return course.past


class Course:
    """One container's happenings, one after the other."""

    def __init__(self) -> None:
        self.past = Past()
        self.stopping = False
        self._ended: Happening | None = None
        self._restarting = False
        self._killed = False

    def add(self, happening: Happening) -> None:
        """Go on by one happening."""
        match happening.kind:
            case Kind.STARTING:
                if not self._restarting:
                    self.past = Past()
                self._ended, self._restarting, self.stopping, self._killed = None, False, False, False
            case Kind.RESTARTING:
                self._restarting, self.past = True, replace(self.past, restarts=happening.restarts)
            case Kind.STOPPING:
                self.stopping = True
            case Kind.ENDED:
                self._ended = happening
            case Kind.OUT_OF_MEMORY:
                self._killed = True
            case Kind.DONE:
                self._conclude(self._ended or happening)
            case Kind.FAILED if self._ended:
                self._conclude(self._ended)

    def _conclude(self, ended: Happening) -> None:
        # The kernel may have killed another process of the container than its first.
        killed = self._killed and ended.status == _SIGNALLED + signal.SIGKILL
        self.past = replace(self.past, last_exit=Exit(ended.status, ended.at_usec, killed, self.stopping))


def read_happening(entry: Mapping[str, object], scope: Scope) -> Happening | None:
    """What an entry tells, None if that is nothing."""
    field = _unit_field(scope)
    at_usec = int(str(entry.get("__REALTIME_TIMESTAMP", 0)))
    kind = _MESSAGES.get(str(entry.get("MESSAGE_ID")))
    if kind is None:
        pod, _, container = str(entry.get("PODMAN_NAME", "")).rpartition(".")
        # podman 4 leaves out 0.
        status = int(str(entry.get("PODMAN_EXIT_CODE", 0)))
        return Happening(at_usec, container_unit(pod, container), Kind.ENDED, status) if pod else None
    unit = str(entry.get(field, ""))
    if kind is Kind.ENDED:
        # Those of what runs before and after are told, too. podman ends as its container does.
        if entry.get("COMMAND") != "ExecStart":
            return None
        status = int(str(entry.get("EXIT_STATUS", 0)))
        if entry.get("EXIT_CODE") != "exited":
            status += _SIGNALLED
        return Happening(at_usec, unit, kind, status)
    return Happening(
        at_usec,
        unit,
        kind,
        restarts=int(str(entry.get("N_RESTARTS", 0))),
        result=str(entry.get("UNIT_RESULT", "")),
        # systemd's word for the start of what runs to its end.
        finished=str(entry.get("MESSAGE", "")).startswith("Finished "),
    )


def _unit_field(scope: Scope) -> str:
    return "USER_UNIT" if scope is Scope.USER else "UNIT"
