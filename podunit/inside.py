"""A container that crun runs without podman, as whoever wants to run a command in it finds it.

In: crun's name of the container. Out: its first process, its cgroup, and what a process in it begins with. What is here
is the unit's doing: its runtime directory holds the bundle, where the process ID is written once the container runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from podunit.record import record

CRUN = "/usr/bin/crun"

_CGROUPS = Path("/sys/fs/cgroup")


def bundle_path(name: str) -> str:
    """Where the bundle of a running container is; an underscore is in no name of a pod or container."""
    return f"/run/podunit/{name}_bundle"


@record
class Running:
    """A container that runs: its first process, the file that takes processes into its cgroup, what they begin with.

    `process` is an OCI runtime specification's: user, rights, variables, working directory.
    """

    pid: int
    cgroup_procs: Path
    process: dict[str, Any]


def find_running(bundle: Path) -> Running:
    """A container by its bundle; FileNotFoundError or ProcessLookupError if it does not run."""
    pid = int((bundle / "pid").read_text(encoding="ascii"))
    process = json.loads((bundle / "config.json").read_text(encoding="utf-8"))["process"]
    lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
    cgroup = next(line.removeprefix("0::/") for line in lines if line.startswith("0::/"))
    return Running(pid, _CGROUPS / cgroup / "cgroup.procs", process)
