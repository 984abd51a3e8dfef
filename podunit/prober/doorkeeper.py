"""The way into networks of a user's pods, which the user may enter only from within podman's user namespace.

A process of many threads cannot go there, and the prober must not: a second one does, which makes the sockets. In: the
descriptor of a process in a pod's network, and an address. Out: as `networks.open_stream`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

from podunit.prober.networks import CLONE_NEWNET, NoNetworkError, enter_namespace, open_stream

# setns(2), ioctl_ns(2)
_CLONE_NEWUSER = 0x10000000
_NS_GET_USERNS = 0xB701

# It starts in a tenth of a second, and answers in a thousandth; a busy machine may take longer.
_ANSWER_SEC = 10.0
# Before an address, which may be empty; an empty message is the end.
_QUESTION = b"?"
_LONGEST_MESSAGE = 100


class UserDoor:
    """The prober's end: starts the other process when it is needed first, or would be in the wrong place."""

    def __init__(self) -> None:
        self._keeper: _Keeper | None = None

    def open_stream(self, process: int, address: str) -> tuple[socket.socket, str]:
        """As `networks.open_stream`, in the network of the process with that descriptor. NoNetworkError."""
        try:
            if self._keeper:
                try:
                    return self._keeper.ask(process, address)
                except (PermissionError, ConnectionError, TimeoutError):
                    # Another user namespace, as after `podman system migrate`, or nobody answers.
                    self.close()
            self._keeper = _Keeper()
            return self._keeper.ask(process, address)
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:
                raise
            self.close()
            raise NoNetworkError(f"a pod's network cannot be entered: {error.strerror or error}") from error

    def close(self) -> None:
        """End the other process."""
        if self._keeper:
            self._keeper.close()
            self._keeper = None


class _Keeper:
    """The other process, as the prober sees it."""

    def __init__(self) -> None:
        self._socket, others = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_ANSWER_SEC)
        with others:
            argv = (sys.executable, "-P", "-m", __name__, str(others.fileno()))
            self._process = subprocess.Popen(argv, pass_fds=(others.fileno(),), stdin=subprocess.DEVNULL)

    def ask(self, process: int, address: str) -> tuple[socket.socket, str]:
        """A socket and its address. OSError, of whatever has failed there or on the way."""
        socket.send_fds(self._socket, [_QUESTION + address.encode()], [process])
        answer, descriptors, _, _ = socket.recv_fds(self._socket, _LONGEST_MESSAGE, 1)
        if not answer:
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        if not descriptors:
            raise OSError(int(answer), os.strerror(int(answer)))
        stream = socket.socket(fileno=descriptors[0])
        stream.setblocking(False)
        return stream, answer.decode()

    def close(self) -> None:
        """End it; it holds nothing that it would have to let go."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


def keep_door(prober: socket.socket) -> None:
    """The other end: answer until the prober is gone."""
    inside = False
    while True:
        question, descriptors, _, _ = socket.recv_fds(prober, _LONGEST_MESSAGE, 1)
        if not question:
            return
        process = descriptors[0]
        try:
            if not inside:
                _enter_user_namespace(process)
                inside = True
            enter_namespace(process, CLONE_NEWNET)
            stream, address = open_stream(question.removeprefix(_QUESTION).decode())
        except OSError as error:
            prober.send(str(error.errno or errno.EIO).encode())
        else:
            with stream:
                socket.send_fds(prober, [address.encode()], [stream.fileno()])
        finally:
            os.close(process)


def _enter_user_namespace(process: int) -> None:
    """Go where the network of a process belongs to."""
    facts = Path(f"/proc/self/fdinfo/{process}").read_text(encoding="ascii")
    (number,) = (line.split()[1] for line in facts.splitlines() if line.startswith("Pid:"))
    network = os.open(f"/proc/{number}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        owner = fcntl.ioctl(network, _NS_GET_USERNS)
        try:
            if os.fstat(owner).st_ino != Path("/proc/self/ns/user").stat().st_ino:
                enter_namespace(owner, _CLONE_NEWUSER)
        finally:
            os.close(owner)
    finally:
        os.close(network)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt), socket.socket(fileno=int(sys.argv[1])) as end:
        keep_door(end)
