"""What units have done, as the journal tells: starts, ends, restarts, kills.

In: names of units. Out: `Happening`s, and of a container how it ended last. systemd forgets a unit that has ended well,
and what it knows of a run when the next one begins; the messages that it has written, known by their ID
(systemd.journal-fields(7)), stay. It does not tell of an end with a status that counts as success; podman's events do.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from podunit.errors import PodunitError
from podunit.journal import read_entries
from podunit.names import container_unit
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


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that has happened to a unit, at a time in microseconds of CLOCK_REALTIME.

    `status` is the exit status of what has ended, `restarts` how often the unit has been restarted by itself.
    """

    at_usec: int
    unit: str
    kind: Kind
    status: int = 0
    restarts: int = 0


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Past:
    """What is left of a container's runs since somebody started it."""

    restarts: int = 0
    last_exit: Exit | None = None


def read_happenings(units: Iterable[str], scope: Scope, *options: str) -> Iterator[Happening]:
    """What has happened to units, oldest first; `options` are journalctl's."""
    units = tuple(units)
    field = "USER_UNIT" if scope is Scope.USER else "UNIT"
    of_systemd = [*(f"{field}={unit}" for unit in units), *(f"MESSAGE_ID={message}" for message in _MESSAGES)]
    of_podman = [*(f"_SYSTEMD_{field}={unit}" for unit in units), _DIED]
    for entry in read_entries((of_systemd, of_podman), *options):
        happening = _read(entry, field)
        if happening:
            yield happening


def read_pasts(units: Iterable[str], scope: Scope, since_usec: int = 0) -> dict[str, Past]:
    """What this boot's journal knows of containers' runs since a time; nothing where it cannot be read."""
    units = tuple(units)
    found: dict[str, list[Happening]] = {unit: [] for unit in units}
    if not units:
        return {}
    options = ["--boot", *([f"--since=@{since_usec // 1_000_000}"] if since_usec else [])]
    try:
        for happening in read_happenings(units, scope, *options):
            found.setdefault(happening.unit, []).append(happening)
    except PodunitError:
        # Without it a state is complete still.
        return {}
    return {unit: find_past(happenings) for unit, happenings in found.items()}


def find_past(happenings: Iterable[Happening]) -> Past:
    """What one container's happenings come to."""
    past, ended, restarting, stopping, killed = Past(), None, False, False, False
    for happening in happenings:
        match happening.kind:
            case Kind.STARTING:
                if not restarting:
                    past = Past()
                ended, restarting, stopping, killed = None, False, False, False
            case Kind.RESTARTING:
                restarting, past = True, replace(past, restarts=happening.restarts)
            case Kind.STOPPING:
                stopping = True
            case Kind.ENDED:
                ended = happening
            case Kind.OUT_OF_MEMORY:
                killed = True
            case Kind.DONE:
                status = ended.status if ended else 0
                past = replace(past, last_exit=_conclude(status, happening, ended, killed, stopping))
            case Kind.FAILED if ended:
                past = replace(past, last_exit=_conclude(ended.status, happening, ended, killed, stopping))
    return past


def _conclude(status: int, happening: Happening, ended: Happening | None, killed: bool, stopping: bool) -> Exit:
    # The kernel may have killed another process of the container than its first.
    killed = killed and status == _SIGNALLED + signal.SIGKILL
    return Exit(status, (ended or happening).at_usec, killed, stopping)


def _read(entry: Mapping[str, object], field: str) -> Happening | None:
    at_usec = int(str(entry.get("__REALTIME_TIMESTAMP", 0)))
    kind = _MESSAGES.get(str(entry.get("MESSAGE_ID")))
    if kind is None:
        unit = str(entry.get(f"_SYSTEMD_{field}", ""))
        # Other containers may be run by processes of this one.
        if unit != container_unit(*_split_name(str(entry.get("PODMAN_NAME", "")))):
            return None
        # podman 4 leaves out 0.
        return Happening(at_usec, unit, Kind.ENDED, int(str(entry.get("PODMAN_EXIT_CODE", 0))))
    unit = str(entry.get(field, ""))
    if kind is Kind.ENDED:
        # Those of what runs before and after are told, too. podman ends as its container does.
        if entry.get("COMMAND") != "ExecStart":
            return None
        status = int(str(entry.get("EXIT_STATUS", 0)))
        if entry.get("EXIT_CODE") != "exited":
            status += _SIGNALLED
        return Happening(at_usec, unit, kind, status)
    return Happening(at_usec, unit, kind, restarts=int(str(entry.get("N_RESTARTS", 0))))


def _split_name(name: str) -> tuple[str, str]:
    pod, _, container = name.rpartition(".")
    return pod, container
