"""System calls of a process, judged one by one before the kernel makes them: let go, refused, or the last one.

What is judged is each call that changes a file or sends a message. A seccomp filter of the process stops it there until
its parent has answered (seccomp_unotify(2)); so a death falls exactly between two calls, and nothing in podunit knows.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import mmap
import os
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

# linux/audit.h, linux/filter.h, linux/seccomp.h
_ARCH = 0xC000003E
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_NO_NEW_PRIVS = 38
_SECCOMP, _PIDFD_GETFD = 317, 438

# Calls of x86_64, and which of their arguments are paths, or (as a number after a folder) paths from a folder.
_PATHS: dict[str, tuple[int, tuple[tuple[int | None, int], ...]]] = {
    "open": (2, ((None, 0),)),
    "openat": (257, ((0, 1),)),
    "creat": (85, ((None, 0),)),
    "rename": (82, ((None, 0), (None, 1))),
    "renameat": (264, ((0, 1), (2, 3))),
    "renameat2": (316, ((0, 1), (2, 3))),
    "mkdir": (83, ((None, 0),)),
    "mkdirat": (258, ((0, 1),)),
    "rmdir": (84, ((None, 0),)),
    "link": (86, ((None, 0), (None, 1))),
    "linkat": (265, ((0, 1), (2, 3))),
    "unlink": (87, ((None, 0),)),
    "unlinkat": (263, ((0, 1),)),
    "symlink": (88, ((None, 0), (None, 1))),
    "symlinkat": (266, ((None, 0), (1, 2))),
    "chmod": (90, ((None, 0),)),
    "fchmodat": (268, ((0, 1),)),
    "truncate": (76, ((None, 0),)),
    "utimensat": (280, ((0, 1),)),
}
# Calls whose first argument is an open file.
_HANDLES = {
    "write": 1,
    "pwrite64": 18,
    "writev": 20,
    "sendto": 44,
    "sendmsg": 46,
    "fsync": 74,
    "fdatasync": 75,
    "ftruncate": 77,
    "fchmod": 91,
    "fchown": 93,
    "fallocate": 285,
    "copy_file_range": 326,
    "syncfs": 306,
}
_NAMES = {number: name for name, (number, _) in _PATHS.items()} | {number: name for name, number in _HANDLES.items()}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_HERE = -100 & 0xFFFFFFFF

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Call:
    """A system call that a process is about to make."""

    pid: int
    number: int
    arguments: tuple[int, ...]

    @property
    def name(self) -> str:
        """Its name, as in its man page."""
        return _NAMES[self.number]

    def find_paths(self) -> tuple[str, ...]:
        """The files that it is about; what an open file is called, if it is about one."""
        if self.name in _HANDLES:
            return (self._find_open(self.arguments[0]),)
        return tuple(self._resolve(self._read(self.arguments[path]), folder) for folder, path in _PATHS[self.name][1])

    def _resolve(self, path: str, folder: int | None) -> str:
        if folder is None or self.arguments[folder] & 0xFFFFFFFF == _HERE:
            return path
        # An absolute path is one from anywhere.
        return str(Path(self._find_open(self.arguments[folder]), path))

    def _find_open(self, handle: int) -> str:
        try:
            return str(Path(f"/proc/{self.pid}/fd/{handle & 0xFFFFFFFF}").readlink())
        except FileNotFoundError:
            return ""

    def _read(self, address: int) -> str:
        with Path(f"/proc/{self.pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(address)
            # Up to the end of a page first: what follows need not be there.
            data = memory.read(4096 - address % 4096)
            if b"\0" not in data:
                data += memory.read(4096)
        return os.fsdecode(data.split(b"\0", 1)[0])


# None lets a call go on; a number is the error that it gets instead; KILL is the end of the process before it.
Judge = Callable[[Call], int | None]
KILL = -1


@dataclass(frozen=True)
class Service:
    """Something that answers the process meanwhile: an open file that is looked at, and what is done then."""

    handle: int
    answer: Callable[[], None]


def run(work: Callable[[], int], judge: Judge, service: Service | None = None) -> int:
    """Do the work in a process of its own, and judge its calls; its exit status, or -9 if it was killed."""
    shared = mmap.mmap(-1, 8)
    pid = os.fork()
    if pid == 0:
        _work(work, shared)
    listener = _wait_for_listener(pid, shared)
    try:
        _supervise(pid, listener, judge, service)
    finally:
        os.close(listener)
        shared.close()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _work(work: Callable[[], int], shared: mmap.mmap) -> NoReturn:
    status = 99
    try:
        listener = _install_filter()
        shared[:8] = struct.pack("=q", listener + 1)
        status = work()
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _install_filter() -> int:
    steps: list[tuple[int, int, int, int]] = [(_LOAD, 0, 0, _ARCH_AT), (_EQUAL, 1, 0, _ARCH), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_LOAD, 0, 0, _NUMBER_AT))
    # An open that only reads changes nothing.
    for name, flags in (("open", 1), ("openat", 2)):
        number = _PATHS[name][0]
        test = [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * flags), (_ANY_BIT, 0, 1, _WRITING), (_RETURN, 0, 0, _NOTIFY)]
        steps += [(_EQUAL, 0, len(test) + 1, number), *test, (_RETURN, 0, 0, _ALLOW)]
    for number in sorted(_NAMES):
        if number not in (_PATHS["open"][0], _PATHS["openat"][0]):
            steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _NOTIFY)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    data = b"".join(struct.pack("=HBBI", *step) for step in steps)
    program = ctypes.create_string_buffer(data, len(data))
    header = struct.pack("@HxxxxxxP", len(steps), ctypes.addressof(program))
    if os.geteuid() != 0:
        _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    listener: int = _libc.syscall(_SECCOMP, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.create_string_buffer(header))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def _wait_for_listener(pid: int, shared: mmap.mmap) -> int:
    deadline = time.monotonic() + 10
    while not (found := struct.unpack("=q", shared[:8])[0]):
        assert time.monotonic() < deadline, "the process did not begin"
        time.sleep(0.0002)
    process = os.pidfd_open(pid)
    try:
        listener: int = _libc.syscall(_PIDFD_GETFD, process, found - 1, 0)
    finally:
        os.close(process)
    if listener < 0:
        os.kill(pid, signal.SIGKILL)
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return listener


def _supervise(pid: int, listener: int, judge: Judge, service: Service | None) -> None:
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    if service:
        poll.register(service.handle, select.POLLIN)
    process = os.pidfd_open(pid)
    poll.register(process, select.POLLIN)
    try:
        while True:
            for handle, _ in poll.poll():
                if handle == process:
                    return
                if service and handle == service.handle:
                    service.answer()
                elif not _judge_next(pid, listener, judge):
                    return
    finally:
        os.close(process)


def _judge_next(pid: int, listener: int, judge: Judge) -> bool:
    """Answer one call; whether the process goes on."""
    buffer = bytearray(80)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except OSError:
        # Whoever made it is gone.
        return True
    ident, caller, _, number = struct.unpack_from("=QIIi", buffer)
    arguments = struct.unpack_from("=6Q", buffer, 32)
    # What it has started is not judged: it may outlive it.
    verdict = judge(Call(caller, number, arguments)) if caller == pid else None
    if verdict == KILL:
        os.kill(pid, signal.SIGKILL)
        return False
    reply = struct.pack("=QqiI", ident, 0, -verdict if verdict else 0, 0 if verdict else _CONTINUE)
    # Whoever made it may be gone.
    with contextlib.suppress(FileNotFoundError):
        fcntl.ioctl(listener, _SEND, bytearray(reply))
    return True
