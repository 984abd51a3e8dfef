"""What a service tells systemd of itself (sd_notify(3)). In: lines. Out: a datagram, or nothing where nobody asked."""

from __future__ import annotations

import os
import socket


class Notifier:
    """The manager's socket; '' for none."""

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def tell(self, *lines: str) -> None:
        """Send assignments such as READY=1; lost if the manager does not listen just now."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
            try:
                sender.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                return


def take_environment() -> tuple[Notifier, float, int | None]:
    """Who to notify, the watchdog's seconds (0 for none), the first descriptor that was passed.

    The variables are removed: programs that are started later must not take them for theirs.
    """
    found = {name: os.environ.pop(name, "") for name in _VARIABLES}
    own = str(os.getpid())
    watched = found["WATCHDOG_USEC"] if found["WATCHDOG_PID"] in ("", own) else ""
    passed = found["LISTEN_PID"] == own and found["LISTEN_FDS"] not in ("", "0")
    return Notifier(found["NOTIFY_SOCKET"]), int(watched or 0) / 1e6, 3 if passed else None


_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
