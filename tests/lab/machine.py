"""A booted systemd in namespaces of its own: boots one from layers, enters it, ends it.

In: folders that make a root tree, and optionally an archive of what lies on top. Out: results of commands run
inside. Knows nothing of podunit, nor of how the layers are made. `boot.sh` does the mounting and clears up.
"""

from __future__ import annotations

import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.lab.guest import Guest, log_in

_BOOT = Path(__file__).with_name("boot.sh")
_CGROUP_PREFIX = "podunit-lab-"
_BOOT_TIMEOUT_SEC = 60
_END_TIMEOUT_SEC = 10

# Into a cgroup of the lab's own; entering the cgroup namespace does not do that.
_JOIN = 'echo 0 > /sys/fs/cgroup/entered/cgroup.procs; exec "$@"'

# A shell in between turns "killed by a signal" into 128 + n, which nsenter does not.
_STATUS = 'trap : INT QUIT; "$@"'

_WAIT_FOR_BOOT = """
until [ -S /run/systemd/private ]; do sleep 0.02; done
state=$(systemctl is-system-running --wait) || {
    echo "the lab's systemd is '$state'"
    systemctl --failed --no-pager --plain --no-legend
    journalctl --boot --priority=warning --no-pager --lines=30
    exit 1
}
systemctl start user@1000.service
"""


class LabError(Exception):
    """The lab could not be built, booted or found; one line that says why."""


class LabUnavailableError(LabError):
    """A lab cannot run on this machine, or not by this user."""


def require_host() -> None:
    """Raise LabUnavailableError unless a lab can run here."""
    if os.geteuid() != 0:
        raise LabUnavailableError("a lab needs root")
    packages = {"unshare": "util-linux", "nsenter": "util-linux", "setpriv": "util-linux", "tar": "tar"}
    for tool, package in packages.items():
        if shutil.which(tool) is None:
            raise LabUnavailableError(f"a lab needs {tool}: apt-get install {package}")
    _cgroup_mount()


def _cgroup_mount() -> Path:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount_point, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(mount_point)
    raise LabUnavailableError("a lab needs cgroups of version 2, and none are mounted")


def running() -> list[str]:
    """The IDs of the labs that exist."""
    return [path.name.removeprefix(_CGROUP_PREFIX) for path in _cgroup_mount().glob(_CGROUP_PREFIX + "*")]


class Machine(Guest):
    """One lab. As a context manager it boots, and ends with all that ran in it."""

    def __init__(
        self,
        cache: Path,
        layers: Sequence[str],
        state: str,
        source: Path,
        *,
        keep: bool = False,
        boot_timeout_sec: float = _BOOT_TIMEOUT_SEC,
    ) -> None:
        """`layers`, uppermost first, and `state`, an archive or "", are in `cache`; `source` becomes /src."""
        self.id = secrets.token_hex(3)
        self.pid = 0
        self._arguments = (str(cache), ":".join(layers), state, str(source))
        self._keep = keep
        self._boot_timeout_sec = boot_timeout_sec
        self._keeper: subprocess.Popen[str] | None = None
        self._root: int | None = None

    @classmethod
    def find(cls, lab_id: str) -> Self:
        """A lab that was kept running."""
        machine = cls.__new__(cls)
        machine.id = lab_id
        machine._keeper = machine._root = None
        machine.pid = 0
        try:
            members = (machine._cgroup / "init.scope/cgroup.procs").read_text().split()
        except OSError:
            raise LabError(f"there is no lab '{lab_id}'; running: {', '.join(running()) or 'none'}") from None
        for pid in members:
            status = Path("/proc", pid, "status").read_text()
            if any(line.startswith("NSpid:") and line.split()[-1] == "1" for line in status.splitlines()):
                machine.pid = int(pid)
        return machine

    @property
    def _cgroup(self) -> Path:
        return _cgroup_mount() / (_CGROUP_PREFIX + self.id)

    def __enter__(self) -> Self:
        require_host()
        try:
            self._boot()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._keep:
            self.end()

    def _boot(self) -> None:
        # If this process dies, whatever kills it, the keeper is told and clears up.
        guard = [] if self._keep else ["setpriv", "--pdeathsig", "TERM"]
        with tempfile.TemporaryFile("w+") as log:
            self._keeper = subprocess.Popen(
                [*guard, "sh", str(_BOOT), "keep", str(self._cgroup), *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
            assert self._keeper.stdout is not None
            with self._keeper.stdout as reported:
                pid = reported.readline().strip()
            if not pid:
                self._keeper.wait()
                log.seek(0)
                raise LabError("the lab does not boot: " + " / ".join(log.read().split("\n")).strip(" /"))
        self.pid = int(pid)
        (self._cgroup / "entered").mkdir()
        try:
            self.run("sh", "-c", _WAIT_FOR_BOOT, timeout_sec=self._boot_timeout_sec)
        except AssertionError as error:
            raise LabError(f"the lab does not boot: {error}") from None

    def end(self) -> None:
        """End the lab and everything in it; nothing of it is left on return."""
        if self._keeper is None:
            # Its keeper, another process, clears up then.
            (self._cgroup / "cgroup.kill").write_text("1")
            deadline = time.monotonic() + _END_TIMEOUT_SEC
            while self._cgroup.exists():
                if time.monotonic() > deadline:
                    raise LabError(f"{self._cgroup} is still there")
                time.sleep(0.02)
            return
        self._keeper.terminate()
        self._keeper.wait()
        if self._root is not None:
            os.close(self._root)
            self._root = None

    def shut_down(self, timeout_sec: float = 60) -> float:
        """Have it shut down in good order, in how many seconds; what was on its disk is at `left` until the end."""
        self._root = os.open(f"/proc/{self.pid}/root", os.O_RDONLY | os.O_DIRECTORY)
        process = os.pidfd_open(self.pid)
        try:
            began = time.monotonic()
            self.run("systemctl", "--no-block", "poweroff")
            if not select.select([process], [], [], timeout_sec)[0]:
                raise LabError(f"the lab is not down after {timeout_sec} s")
            return time.monotonic() - began
        finally:
            os.close(process)

    @property
    def left(self) -> Path:
        """The root file system of a lab that was shut down, for this process alone; of other mounts nothing is left."""
        return Path(f"/proc/{os.getpid()}/fd/{self._root}")

    def execute(
        self, argv: Sequence[str], user: str, env: Mapping[str, str], given: str | None, timeout_sec: float
    ) -> subprocess.CompletedProcess[str]:
        """See `Guest`."""
        return subprocess.run(
            self._enter(argv, user, env),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=timeout_sec,
            check=False,
        )

    def call(self, argv: Sequence[str]) -> int:
        """Run a command as root on this process's stdin, stdout, stderr; its status, 128 + n for signal n."""
        passed = {"PODUNIT_LAB_ID": self.id}
        if "TERM" in os.environ:
            passed["TERM"] = os.environ["TERM"]
        command = self._enter(("sh", "-c", _STATUS, "lab", *argv), "root", passed)
        # On a terminal Ctrl-C reaches the command as well, and it is the command that decides.
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN) if sys.stdin.isatty() else None
        try:
            with subprocess.Popen(command) as process:
                try:
                    return process.wait()
                except BaseException:
                    # nsenter waits for its child, which would outlive it.
                    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                        os.kill(int(child), signal.SIGKILL)
                    raise
        finally:
            if previous is not None:
                signal.signal(signal.SIGINT, previous)

    def copy_out(self, archive: IO[bytes], *paths: str) -> None:
        """Write an archive of folders inside, given from the root without the first slash."""
        tar = ("tar", "--create", "--xattrs", "--xattrs-include=*", "--sort=name", "--directory=/", *paths)
        subprocess.run(self._enter(tar, "root", {}), stdin=subprocess.DEVNULL, stdout=archive, check=True)

    def _enter(self, argv: Sequence[str], user: str, env: Mapping[str, str]) -> list[str]:
        given, become = log_in(user, env)
        namespaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd")
        return [
            # Ctrl-C is for the command inside: nsenter would end and leave it to itself.
            *("env", "--ignore-signal=INT,QUIT"),
            *("nsenter", "--target", str(self.pid), *namespaces, "--"),
            *("env", "--default-signal=INT,QUIT", *given),
            *("sh", "-c", _JOIN, "enter"),
            *become,
            *argv,
        ]
