"""Commands in a container that crun runs without podman. In: its bundle, argv. Out: how the command ended.

A command runs in the container's cgroup, with what its first process has. The stop is what the container's unit does:
the signal of the pod or its image, the grace period, the kill.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from podunit.inside import CRUN, Running, find_running
from podunit.prober.commands import Finished
from podunit.prober.payload import PayloadError, write_process

# A container is registered a moment before it runs.
_LOOK_SEC = 0.02

# crun has no cgroups here: it leaves what it makes where it is itself.
_ENTER = 'echo $$ > "$1" && shift && exec "$@"'


class Bundled:
    """One container between its start and its end; files of commands are kept in `directory`, which goes with it."""

    def __init__(self, name: str, directory: Path, bundle: Path) -> None:
        self._name, self._directory, self._bundle = name, directory, bundle
        self._calls: dict[tuple[str, ...], tuple[str, ...]] = {}

    async def prepare(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """The words that run a command in the container; waits until it runs. PayloadError."""
        if command not in self._calls:
            running = await self._find()
            file = self._directory / f"exec-{len(self._calls)}.json"
            write_process(file, running.process, command)
            crun = (CRUN, "--cgroup-manager=disabled", "exec", f"--process={file}", self._name)
            self._calls[command] = ("/bin/sh", "-c", _ENTER, "enter", str(running.cgroup_procs), *crun)
        return self._calls[command]

    async def stop(self, grace_sec: int) -> Finished:
        """Send the signal, and kill after so many seconds; a success when the first process is gone. OSError."""
        try:
            process = os.pidfd_open(find_running(self._bundle).pid)
        except (FileNotFoundError, ProcessLookupError):
            return Finished(0, b"")
        try:
            number = int((self._bundle / "signal").read_text(encoding="ascii"))
            for kind, patience_sec in ((number, grace_sec), (signal.SIGKILL, None)):
                signal.pidfd_send_signal(process, kind)
                if await _has_ended(process, patience_sec):
                    break
        except (FileNotFoundError, ProcessLookupError):
            # Its unit was quicker.
            pass
        finally:
            os.close(process)
        return Finished(0, b"")

    async def _find(self) -> Running:
        while self._bundle.is_dir():
            try:
                return find_running(self._bundle)
            except FileNotFoundError:
                await asyncio.sleep(_LOOK_SEC)
            except ProcessLookupError:
                break
        raise PayloadError(f"{self._name} does not run")


async def _has_ended(process: int, patience_sec: float | None) -> bool:
    """Whether a process ends within so many seconds."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(process, ended.set)
    try:
        async with asyncio.timeout(patience_sec):
            await ended.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(process)
    return True
