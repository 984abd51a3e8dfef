"""Commands in a container that runs. In: podman's name of it, argv. Out: how the command ended.

Where podman's runtime is crun or runc, it alone does it, in a tenth of podman's time: in the container's cgroup, with
the user, rights, variables and working directory of its first process. Any other is left to podman, and what runs there
for too long is not killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from podunit.prober.commands import Finished, run
from podunit.prober.series import shorten
from podunit.record import record

# As in podunit.engines, which knows the model and all that comes with it.
PODMAN = "/usr/bin/podman"

# Their command lines are the same.
_DIRECT = ("crun", "runc")
_NSENTER = "/usr/bin/nsenter"

_WANTED = "{{.Id}} {{.OCIConfigPath}} {{.ConmonPidFile}}"


class PayloadError(Exception):
    """Why no command can be run; a sentence."""


@record
class _Runtime:
    """How a runtime is called for one container."""

    call: tuple[str, ...]
    is_direct: bool
    identity: str
    process: dict[str, Any]


class Payload:
    """One container between its start and its end; files of commands are kept in `directory`, which goes with it."""

    def __init__(self, name: str, directory: Path, podman: str = PODMAN) -> None:
        self._name, self._directory, self._podman = name, directory, podman
        self._runtime: _Runtime | None = None
        self._calls: dict[tuple[str, ...], tuple[str, ...]] = {}

    async def prepare(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """The words that run a command in the container; asks podman when it is called first. PayloadError."""
        if command not in self._calls:
            self._runtime = self._runtime or await self._find_runtime()
            self._calls[command] = self._write_call(self._runtime, command)
        return self._calls[command]

    async def stop(self, grace_sec: int) -> Finished:
        """Have podman stop the container, by its signal, and kill it after so many seconds. OSError."""
        return await run((self._podman, "stop", "--ignore", f"--time={grace_sec}", self._name))

    async def _find_runtime(self) -> _Runtime:
        try:
            found = await run((self._podman, "inspect", "--type=container", f"--format={_WANTED}", self._name))
        except OSError as error:
            raise PayloadError(f"{self._podman}: {error.strerror}") from error
        if found.status != 0:
            raise PayloadError(shorten(found.output))
        try:
            identity, config, monitor = found.output.decode().split()
            # The monitor was told of the runtime by its path.
            number = Path(monitor).read_text(encoding="ascii").strip()
            words = _read_words(number)
            program = words[words.index("-r") + 1]
            process = json.loads(Path(config).read_text(encoding="utf-8"))["process"]
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise PayloadError(f"podman says nothing of use about {self._name}: {error}") from error
        # A user's containers are in podman's user namespace, as their monitors are; root has a right to all.
        enter = () if os.geteuid() == 0 else (_NSENTER, "--user", "--preserve-credentials", f"--target={number}")
        return _Runtime((*enter, program), Path(program).name in _DIRECT, identity, process)

    def _write_call(self, runtime: _Runtime, command: tuple[str, ...]) -> tuple[str, ...]:
        if not runtime.is_direct:
            return (self._podman, "exec", self._name, *command)
        file = self._directory / f"exec-{len(self._calls)}.json"
        write_process(file, runtime.process, command)
        return (*runtime.call, "exec", f"--process={file}", runtime.identity)


def write_process(file: Path, process: Mapping[str, Any], command: Sequence[str]) -> None:
    """Write for the runtime what it is to run: a container's first process, with another command. PayloadError."""
    try:
        file.unlink(missing_ok=True)
        # The container's variables may be secrets.
        file.touch(mode=0o600)
        file.write_text(json.dumps({**process, "args": list(command), "terminal": False}), encoding="utf-8")
    except OSError as error:
        raise PayloadError(f"{file}: {error.strerror}") from error


def _read_words(process: str) -> Sequence[str]:
    return Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8", errors="surrogateescape").split("\0")
