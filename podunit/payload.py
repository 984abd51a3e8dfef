"""A command in a container that crun runs without podman.

In: crun's name of the container, the command. Out: nothing: this process becomes the command, unless that is not there.
It has what the first process has: user, rights, variables, working directory, and the cgroup.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from podunit.errors import PodunitError
from podunit.inside import CRUN, Running, bundle_path, find_running

# As a shell's, and podman's.
_NOT_EXECUTABLE, _NOT_THERE = 126, 127
# crun's, whatever is wrong.
_FAILED = 255


def enter(name: str, command: Sequence[str], *, interactive: bool, terminal: bool) -> int:
    """Become the command, or return how a shell ends that cannot run it; PodunitError if nothing runs. OSError."""
    try:
        running = find_running(Path(bundle_path(name)))
    except (FileNotFoundError, ProcessLookupError):
        raise PodunitError(f"container {name} does not run", "see podunit ps") from None
    missing = _look_up(running, command[0])
    # crun has no cgroups here: it leaves what it makes where it is itself.
    running.cgroup_procs.write_text(str(os.getpid()), encoding="ascii")
    handle = os.memfd_create("process", 0)
    os.write(handle, json.dumps({**running.process, "args": list(command), "terminal": terminal}).encode())
    if not interactive:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    options = ["--tty"] * terminal
    words = [CRUN, "--cgroup-manager=disabled", "exec", *options, f"--process=/proc/self/fd/{handle}", name]
    if not missing:
        os.execv(CRUN, words)
    # crun says why, and ends with 255, as a command may.
    status = os.spawnv(os.P_WAIT, CRUN, words)
    return missing if status == _FAILED else status if status >= 0 else 128 - status


def _look_up(running: Running, program: str) -> int:
    """How a shell in the container ends that is to run a program: 0 if it can be run, as far as one sees."""
    root = os.open("/", os.O_PATH)
    try:
        os.chroot(f"/proc/{running.pid}/root")
        os.chdir(running.process["cwd"])
        return _judge(program, running.process["env"])
    except OSError:
        return 0
    finally:
        os.fchdir(root)
        os.chroot(".")
        os.close(root)


def _judge(program: str, variables: Iterable[str]) -> int:
    """The same where this process is in the container's file system; what root may not execute, nobody may."""
    path = next((one.removeprefix("PATH=") for one in variables if one.startswith("PATH=")), "")
    files = [Path(program)] if "/" in program else [Path(folder or ".", program) for folder in path.split(":")]
    there = [file for file in files if file.exists()]
    if any(file.is_file() and os.access(file, os.X_OK) for file in there):
        return 0
    return _NOT_EXECUTABLE if there else _NOT_THERE
