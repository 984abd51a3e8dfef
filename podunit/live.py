"""Limits of a pod that runs: what its units have now is told to the kernel, without a restart.

In: an installed pod whose units systemd has reread. Out: changed attributes of its cgroups.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from podunit.errors import PodunitError
from podunit.installed import InstalledPod
from podunit.limits import kills_all
from podunit.manager import Manager
from podunit.names import passing_slice


async def apply_limits(manager: Manager, pod: InstalledPod) -> None:
    """Have systemd write the limits of a pod's slice, and of all units in it, to their cgroups.

    Until something starts in the slice, systemd 257 does not, once it has reread the units (systemd 252 does at once).
    """
    slice_ = passing_slice(pod.name, secrets.token_hex(4))
    (job,) = await manager.run_jobs(manager.start_passing_slice, [slice_])
    if job.result != "done":
        hint = f"podunit restart {pod.name} starts it anew, with its limits"
        raise PodunitError(f"the limits of pod '{pod.name}' are not applied: the job of {slice_} is {job.result}", hint)
    units = [container.unit for container in pod.containers]
    for unit, properties in zip(units, await manager.get_all_properties(units, "Service"), strict=True):
        if properties["ControlGroup"]:
            _set_oom_group(properties["ControlGroup"], kills_all(pod.texts[unit]))


def _set_oom_group(cgroup: str, whole: bool) -> None:
    """Let all of a container be killed when memory runs out, or one process of it (cgroup-v2.rst).

    `cgroup` is that of its service; podman has made one below for the container.
    """
    for file in Path(f"/sys/fs/cgroup{cgroup}").glob("*/memory.oom.group"):
        # The container may end meanwhile.
        with suppress(OSError):
            file.write_text("1" if whole else "0", encoding="ascii")
