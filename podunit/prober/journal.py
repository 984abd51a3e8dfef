"""Lines in the journal, as a manager writes those on its units: `journalctl --unit` of a container shows them.

In: a container, an event. Out: a line.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from podunit.line import SOCKET, UNIT_FIELD, write_line
from podunit.probes import Registration
from podunit.scope import Scope


class Event(StrEnum):
    """What has happened to a container; `PODUNIT_EVENT` of the line. The words are the kubelet's where it has one."""

    STARTED = "Started"
    READY = "Ready"
    UNREADY = "Unready"
    UNHEALTHY = "Unhealthy"
    KILLING = "Killing"
    FAILED_PRE_STOP = "FailedPreStopHook"
    FAILED_KILL = "FailedKill"
    FAILED_PROBE = "FailedProbe"


_GOOD = (Event.STARTED, Event.READY)


class Journal:
    """The journal of the machine; what it does not take is lost."""

    def __init__(self, scope: Scope, path: Path = SOCKET) -> None:
        self._unit = UNIT_FIELD[scope]
        self._path = str(path)

    def tell(self, registration: Registration, event: Event, message: str) -> None:
        """One line about a container."""
        self._send(
            MESSAGE=f"{registration.pod}.{registration.container}: {message}",
            PRIORITY="6" if event in _GOOD else "4",
            PODUNIT_POD=registration.pod,
            PODUNIT_CONTAINER=registration.container,
            PODUNIT_EVENT=event.value,
            **{self._unit: registration.unit},
        )

    def complain(self, message: str) -> None:
        """One line about something that belongs to no container."""
        self._send(MESSAGE=message, PRIORITY="4")

    def _send(self, **fields: str) -> None:
        fields["SYSLOG_IDENTIFIER"] = "podunit-prober"
        write_line(fields, self._path)
