"""A command in a container that crun runs without podman.

In: crun's name of the container, the command. Out: nothing: this process becomes the command. It has what the first
process has: user, rights, variables, working directory, and the cgroup.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from podunit.errors import PodunitError
from podunit.inside import CRUN, bundle_path, find_running


def enter(name: str, command: Sequence[str], *, interactive: bool, terminal: bool) -> NoReturn:
    """Become the command; PodunitError if the container does not run. OSError."""
    try:
        running = find_running(Path(bundle_path(name)))
    except (FileNotFoundError, ProcessLookupError):
        raise PodunitError(f"container {name} does not run", "see podunit ps") from None
    # crun has no cgroups here: it leaves what it makes where it is itself.
    running.cgroup_procs.write_text(str(os.getpid()), encoding="ascii")
    handle = os.memfd_create("process", 0)
    os.write(handle, json.dumps({**running.process, "args": list(command), "terminal": terminal}).encode())
    if not interactive:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    options = ["--tty"] * terminal
    os.execv(CRUN, [CRUN, "--cgroup-manager=disabled", "exec", *options, f"--process=/proc/self/fd/{handle}", name])
