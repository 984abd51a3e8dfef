"""A virtual machine with podunit in it, which is what a lab in namespaces cannot be: its kernel enforces limits, it can
be booted again, and lose its power.

In: layers with a kernel. Out: a `Guest` that boots from a disk of its own. It is emulated, ten to twenty times slower
than the machine outside: one boot for many tests.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab import layers
from tests.lab.guest import Guest, log_in
from tests.lab.machine import LabError, LabUnavailableError

_DISK = Path(__file__).with_name("disk.sh")
_QEMU = "qemu-system-x86_64"
_TOOLS = {_QEMU: "qemu-system-x86", "mkfs.ext4": "e2fsprogs"}
_BOOT_TIMEOUT_SEC = 600
_END_TIMEOUT_SEC = 10
# The kernel's last words.
_DOWN = "reboot: Restarting system"
_COLOUR = re.compile("\x1b\\[[0-9;:]*m")

_NAMESPACES = ("unshare", "--mount", "--propagation", "private")
# No address space of five levels, no guards against an attacker: they make emulation slower.
_MACHINE = (
    *("-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off"),
    *("-smp", "2", "-m", "2048", "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
    *("-device", "virtserialport,chardev=agent,name=agent"),
)
_KERNEL_LINE = "root=/dev/vda rw console=ttyS0 mitigations=off panic=-1"

_WAIT_FOR_BOOT = """
state=$(systemctl is-system-running --wait) || {
    echo "the machine's systemd is '$state'"
    systemctl --failed --no-pager --plain --no-legend
    units=$(systemctl --failed --plain --no-legend | sed 's/ .*//; s/^/--unit=/')
    journalctl --boot --no-pager --lines=40 --unit=init.scope $units
    exit 1
}
"""


class VirtualMachine(Guest):
    """A machine of a Debian suite; as a context manager it boots, and is switched off."""

    def __init__(self, suite: str = "trixie") -> None:
        """Nothing happens yet."""
        self.suite = suite
        self.boot_id = ""
        self._folder: Path | None = None
        self._qemu: subprocess.Popen[bytes] | None = None
        self._boot_files: tuple[Path, Path] | None = None
        self._agent: socket.socket | None = None
        self._received = b""

    def __enter__(self) -> Self:
        for tool, package in _TOOLS.items():
            if shutil.which(tool) is None:
                raise LabUnavailableError(f"a virtual machine needs {tool}: apt-get install {package}")
        made = layers.build_virtual(self.suite)
        kernel = made.cache / made.names[-1] / "boot"
        self._boot_files = (kernel / "vmlinuz", kernel / "initrd")
        # Where the layers are: if this process is killed, it is removed with those that nobody uses.
        self._folder = Path(tempfile.mkdtemp(prefix="disk-", dir=made.cache))
        try:
            arguments = (made.cache, ":".join(made.names), made.images, layers.PROJECT / "units", self._disk)
            command = (*_NAMESPACES, "sh", str(_DISK), *map(str, arguments))
            made_disk = subprocess.run(command, capture_output=True, text=True, check=False)
            if made_disk.returncode != 0:
                raise LabError(f"making the disk failed: {made_disk.stderr}")
            self._switch_on()
            self._wait_for_boot()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Switch the machine off and remove its disk."""
        self._switch_off()
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    def reboot(self) -> float:
        """Shut down in good order, and boot; how many seconds it took until the machine was down."""
        down_sec = self.shut_down_until(_DOWN)
        self._wait_for_boot()
        return down_sec

    def shut_down_until(self, words: str) -> float:
        """Begin a reboot in good order, and wait until the console says that; how many seconds it took.

        No commands after that: the power is to be cut.
        """
        seen, since = self._read_console().count(words), time.monotonic()
        # A moment later: the shutdown ends what answers here.
        self.run("systemd-run", "--quiet", "sh", "-c", "sleep 1; systemctl --no-block reboot")
        while self._read_console().count(words) == seen:
            if time.monotonic() - since > _BOOT_TIMEOUT_SEC:
                raise LabError("the virtual machine does not shut down")
            time.sleep(0.1)
        return time.monotonic() - since

    def cut_power(self, *again_sec: float) -> None:
        """End the machine at once, with all that it has not yet written to its disk, and boot.

        With seconds it is cut again that long after it was switched on, in the middle of its boot.
        """
        self._switch_off()
        for seconds in again_sec:
            self._switch_on()
            time.sleep(seconds)
            self._switch_off()
        self._switch_on()
        self._wait_for_boot()

    def execute(
        self, argv: Sequence[str], user: str, env: Mapping[str, str], given: str | None, timeout_sec: float
    ) -> subprocess.CompletedProcess[str]:
        """See `Guest`; one command at a time."""
        assert self._agent is not None
        own, become = log_in(user, env)
        number = secrets.token_hex(4)
        request = {"id": number, "argv": ["env", *own, *become, *argv], "input": given or ""}
        deadline = time.monotonic() + timeout_sec
        self._agent.settimeout(timeout_sec)
        self._agent.sendall(json.dumps(request).encode() + b"\n")
        # An answer of another number is one that was not waited for to the end.
        while (answer := self._read_answer(deadline)).get("id") != number:
            pass
        return subprocess.CompletedProcess(argv, answer["status"], answer["stdout"], answer["stderr"])

    @property
    def _disk(self) -> Path:
        assert self._folder is not None
        return self._folder / "disk"

    @property
    def _console(self) -> Path:
        assert self._folder is not None
        return self._folder / "console"

    def _read_console(self) -> str:
        return _COLOUR.sub("", self._console.read_text(errors="replace"))

    def _switch_on(self) -> None:
        assert self._boot_files is not None
        kernel, initrd = self._boot_files
        own, theirs = socket.socketpair()
        with theirs:
            self._qemu = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", _QEMU, *_MACHINE),
                    *("-kernel", str(kernel), "-initrd", str(initrd), "-append", _KERNEL_LINE),
                    *("-drive", f"file={self._disk},if=virtio,format=raw"),
                    *("-chardev", f"socket,id=agent,fd={theirs.fileno()}"),
                    *("-serial", f"file:{self._console}"),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._agent, self._received = own, b""

    def _switch_off(self) -> None:
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait(_END_TIMEOUT_SEC)
            self._qemu = None
        if self._agent is not None:
            self._agent.close()
            self._agent = None

    def _wait_for_boot(self) -> None:
        deadline = time.monotonic() + _BOOT_TIMEOUT_SEC
        try:
            while not (boot := self._read_answer(deadline).get("boot")):
                pass
            self.boot_id = boot
            self.run("sh", "-c", _WAIT_FOR_BOOT, timeout_sec=_BOOT_TIMEOUT_SEC)
        except AssertionError as error:
            tail = self._console.read_text(errors="backslashreplace").splitlines()[-40:]
            raise LabError("\n".join([f"the virtual machine does not boot: {error}", "--- console", *tail])) from None

    def _read_answer(self, deadline: float) -> dict[str, Any]:
        assert self._agent is not None
        while b"\n" not in self._received:
            self._agent.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                more = self._agent.recv(1 << 16)
            except TimeoutError:
                raise AssertionError("no answer from the virtual machine") from None
            if not more:
                raise AssertionError("the virtual machine has ended")
            self._received += more
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer
