"""Sockets in the networks of pods, made from outside: only where a socket is made decides which network it is in.

In: the name of a sandbox, '' for the host's network, and an address. Out: a socket that is not connected yet.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from podunit.record import record

# setns(2), netdevice(7)
CLONE_NEWNET = 0x40000000
_SIOCGIFCONF = 0x8912
# An entry of SIOCGIFCONF: 16 bytes of name, then a socket address of IPv4.
_ENTRY_SIZE, _ADDRESS_AT, _MOST_ENTRIES = 40, 20, 64

# Documentation's own: nothing is sent there, the kernel only says from where it would be.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))

_FLAGS = socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK

_libc = ctypes.CDLL(None, use_errno=True)


class NoNetworkError(Exception):
    """Why there is no way into a pod's network; a few words."""


def open_stream(address: str) -> tuple[socket.socket, str]:
    """A TCP socket for an IP address in the network that the thread is in, and the address.

    '' is the network's own address: that from where packets leave, or any it has, or 127.0.0.1.
    """
    address = address or _find_leaving_address() or _find_interface_address() or "127.0.0.1"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, socket.SOCK_STREAM | _FLAGS), address


def _find_leaving_address() -> str:
    for family, elsewhere in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM | _FLAGS) as probe:
                probe.connect((elsewhere, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return ""


def _find_interface_address() -> str:
    """An IPv4 address of a network without a way out, '' if there is none but loopback's."""
    buffer = ctypes.create_string_buffer(_MOST_ENTRIES * _ENTRY_SIZE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | _FLAGS) as probe:
        request = struct.pack("iP", len(buffer), ctypes.addressof(buffer))
        size, _ = struct.unpack("iP", fcntl.ioctl(probe, _SIOCGIFCONF, request))
    starts = range(_ADDRESS_AT, size, _ENTRY_SIZE)
    addresses = (socket.inet_ntoa(buffer.raw[start : start + 4]) for start in starts)
    return next((it for it in addresses if not it.startswith("127.")), "")


def enter_namespace(descriptor: int, kind: int) -> None:
    """Move the thread into a namespace, by a file of it or the descriptor of a process (setns(2)). OSError."""
    if _libc.setns(descriptor, kind) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class DirectDoor:
    """The way into networks of whoever may enter them (CAP_SYS_ADMIN)."""

    def __init__(self) -> None:
        self._own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def open_stream(self, process: int, address: str) -> tuple[socket.socket, str]:
        """As `open_stream`, in the network of the process with that descriptor."""
        try:
            enter_namespace(process, CLONE_NEWNET)
        except OSError as error:
            raise NoNetworkError(f"a pod's network cannot be entered: {error.strerror}") from error
        try:
            return open_stream(address)
        finally:
            try:
                enter_namespace(self._own, CLONE_NEWNET)
            except OSError as error:
                # To go on would be to ask the wrong network whatever comes next.
                raise RuntimeError("no way back from a pod's network") from error


@record
class _Sandbox:
    """A process in a pod's network. Its descriptor never becomes another process's, and does not hold the network."""

    monitor: str
    descriptor: int


class Networks:
    """The networks of the pods of a manager whose runtime directory is `run`."""

    def __init__(self, run: Path, enter: Callable[[int, str], tuple[socket.socket, str]]) -> None:
        self._run = run
        self._enter = enter
        self._sandboxes: dict[str, _Sandbox] = {}

    def open_stream(self, sandbox: str, address: str) -> tuple[socket.socket, str]:
        """As `open_stream`, in a pod's network. NoNetworkError if that cannot be entered."""
        if not sandbox:
            return open_stream(address)
        try:
            held = self._open_file(sandbox)
            network = self._find_process(sandbox) if held is None else held
        except (OSError, ValueError) as error:
            raise NoNetworkError(f"{sandbox} cannot be found: {error}") from error
        try:
            return self._enter(network, address)
        finally:
            # Open, it would hold the network.
            if held is not None:
                os.close(held)

    def forget(self, sandbox: str) -> None:
        """Let go of a pod; it is found again when somebody asks."""
        found = self._sandboxes.pop(sandbox, None)
        if found:
            os.close(found.descriptor)

    def _open_file(self, sandbox: str) -> int | None:
        """The file that holds the network of a sandbox without a process."""
        try:
            return os.open(self._run / "podunit" / sandbox / "net", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None

    def _find_process(self, sandbox: str) -> int:
        # podman writes the monitor's process ID, of which the sandbox is the child.
        monitor = (self._run / "podunit" / f"{sandbox}.pid").read_text(encoding="ascii").strip()
        known = self._sandboxes.get(sandbox)
        if known and known.monitor == monitor and not _has_ended(known.descriptor):
            return known.descriptor
        self.forget(sandbox)
        children = list_children(monitor)
        if not children:
            raise ProcessLookupError(f"no process of {sandbox}")
        descriptor = os.pidfd_open(children[0])
        # Between the look and the descriptor the number may have become that of a process which is nobody's child here.
        if list_children(monitor) != children or _has_ended(descriptor):
            os.close(descriptor)
            raise ProcessLookupError(f"no process of {sandbox}")
        self._sandboxes[sandbox] = _Sandbox(monitor, descriptor)
        return descriptor


def list_children(process: str | int, thread: str | int = "") -> list[int]:
    """The children of a process that its first thread has made, or another one. OSError if it is gone."""
    text = Path(f"/proc/{process}/task/{thread or process}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


def _has_ended(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
