"""Lines in the journal, as a manager writes those on its units: `journalctl --unit` of a container shows them.

In: a container, an event. Out: a datagram in the journal's native protocol (systemd's JOURNAL_NATIVE_PROTOCOL).
"""

from __future__ import annotations

import socket
from enum import StrEnum
from pathlib import Path

from podunit.probes import Registration
from podunit.scope import Scope

# The journal shows what others say of a unit if they are root and name it so, or are the user and do (journalctl's
# matches for --unit and --user-unit).
_UNIT = {Scope.SYSTEM: "OBJECT_SYSTEMD_UNIT", Scope.USER: "USER_UNIT"}

SOCKET = Path("/run/systemd/journal/socket")


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
        self._unit = _UNIT[scope]
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
        datagram = b"".join(_write_field(name, value.encode("utf-8", "replace")) for name, value in fields.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
            try:
                sender.sendto(datagram, self._path)
            except OSError:
                return


def _write_field(name: str, value: bytes) -> bytes:
    if b"\n" in value:
        return b"%s\n%s%s\n" % (name.encode(), len(value).to_bytes(8, "little"), value)
    return b"%s=%s\n" % (name.encode(), value)
