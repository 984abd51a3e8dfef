"""One line in the journal, in its native protocol (systemd's JOURNAL_NATIVE_PROTOCOL).

In: fields. Out: a datagram. Imports next to nothing: a generator of units starts with this.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from podunit.scope import Scope

# The journal shows what others say of a unit if they are root and name it so, or are the user and do (journalctl's
# matches for --unit and --user-unit).
UNIT_FIELD = {Scope.SYSTEM: "OBJECT_SYSTEMD_UNIT", Scope.USER: "USER_UNIT"}

SOCKET = Path("/run/systemd/journal/socket")


def write_line(fields: Mapping[str, str], path: str | Path = SOCKET) -> bool:
    """Hand a line to the journal; False if that does not take it, now or at all."""
    datagram = b"".join(_write_field(name, value.encode("utf-8", "replace")) for name, value in fields.items())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
        try:
            sender.sendto(datagram, str(path))
        except OSError:
            return False
    return True


def _write_field(name: str, value: bytes) -> bytes:
    if b"\n" in value:
        return b"%s\n%s%s\n" % (name.encode(), len(value).to_bytes(8, "little"), value)
    return b"%s=%s\n" % (name.encode(), value)
