"""How the containers of installed pods are, as systemd knows it.

In: installed pods and a manager. Out: `ContainerState`s and `PodState`s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from podunit.failures import UnitFailure, find_failures
from podunit.installed import InstalledPod
from podunit.manager import Manager
from podunit.scope import Scope

_POLL_MIN_SEC, _POLL_MAX_SEC = 0.1, 1.0
# USEC_INFINITY: the next time of a timer that has none.
_NEVER_USEC = 2**64 - 1


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One container; the words of `active`, `sub` and `result` are systemd's, 0 and '' stand for none."""

    pod: str
    container: str
    init: bool
    unit: str
    active: str
    sub: str
    result: str
    ready: bool
    restarts: int
    main_pid: int
    cgroup: str
    image: str
    owner: str

    def describe(self) -> dict[str, object]:
        """The object that `ps -o json` prints; its keys are stable."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class PodState:
    """One pod: the state of its handle, since when (microseconds of CLOCK_REALTIME, 0 for never), and its containers.

    `enabled` is as `systemctl is-enabled` prints it; `failures` say what keeps it from being up; its timer starts it at
    `next_run_usec`, 0 for never.
    """

    pod: str
    owner: str
    unit: str
    file: str
    active: str
    sub: str
    result: str
    since_usec: int
    enabled: str
    containers: tuple[ContainerState, ...]
    failures: tuple[UnitFailure, ...]
    next_run_usec: int = 0

    def describe(self) -> dict[str, object]:
        """The object that `status -o json` prints; its keys are stable."""
        return {
            "schemaVersion": 1,
            "pod": self.pod,
            "owner": self.owner,
            "unit": self.unit,
            "file": self.file,
            "active": self.active,
            "sub": self.sub,
            "result": self.result,
            "since": format_time(self.since_usec),
            "enabled": self.enabled,
            "nextRun": format_time(self.next_run_usec),
            "containers": [state.describe() for state in self.containers],
            "failures": [failure.describe() for failure in self.failures],
        }


def format_time(usec: int) -> str:
    """A time as RFC 3339 in UTC, '' for never."""
    return datetime.fromtimestamp(usec // 1_000_000, UTC).isoformat().replace("+00:00", "Z") if usec else ""


async def get_pod_state(manager: Manager, pod: InstalledPod, scope: Scope) -> PodState:
    """How a pod is; its failures are those that still last."""
    properties = await manager.get_properties(pod.unit, "Unit", "Service")
    containers = await get_container_states(manager, [pod])
    enabled = properties["UnitFileState"]
    if pod.timer:
        enabled = (await manager.get_properties(pod.timer, "Unit"))["UnitFileState"]
    lasting = properties["ActiveState"] != "active" or any(state.active != "active" for state in containers)
    return PodState(
        pod=pod.name,
        owner=pod.owner,
        unit=pod.unit,
        file=properties["FragmentPath"],
        active=properties["ActiveState"],
        sub=properties["SubState"],
        result=properties["Result"],
        since_usec=properties["StateChangeTimestamp"],
        enabled=enabled,
        containers=containers,
        failures=await find_failures(manager, pod, scope, 0) if lasting else (),
        next_run_usec=await _get_next_run_usec(manager, pod),
    )


async def wait_until_up(manager: Manager, pod: InstalledPod, min_ready_sec: int) -> bool:
    """Wait until the pod and its containers have been active for so long without a break; False if it is stopped."""
    units = (pod.unit, *(container.unit for container in pod.containers if not container.init))
    while True:
        left_sec = _POLL_MAX_SEC
        found = await manager.get_all_properties(units, "Unit")
        if found[0]["ActiveState"] in ("inactive", "deactivating"):
            return False
        if all(properties["ActiveState"] == "active" for properties in found):
            since_usec = max(properties["ActiveEnterTimestampMonotonic"] for properties in found)
            left_sec = min_ready_sec - (time.clock_gettime(time.CLOCK_MONOTONIC) - since_usec / 1_000_000)
            if left_sec <= 0 or not min_ready_sec:
                return True
        await asyncio.sleep(min(max(left_sec, _POLL_MIN_SEC), _POLL_MAX_SEC))


async def _get_next_run_usec(manager: Manager, pod: InstalledPod) -> int:
    if not pod.timer:
        return 0
    properties = await manager.get_properties(pod.timer, "Unit", "Timer")
    usec = int(properties["NextElapseUSecRealtime"])
    return usec if properties["ActiveState"] == "active" and usec != _NEVER_USEC else 0


async def get_container_states(manager: Manager, pods: Iterable[InstalledPod]) -> tuple[ContainerState, ...]:
    """The states of all containers, init containers included, by pod and in the order of their start."""
    pods = tuple(pods)
    owners = {pod.name: pod.owner for pod in pods}
    containers = [container for pod in pods for container in pod.containers]
    units = [container.unit for container in containers]
    return tuple(
        ContainerState(
            pod=container.pod,
            container=container.name,
            init=container.init,
            unit=container.unit,
            active=properties["ActiveState"],
            sub=properties["SubState"],
            result=properties["Result"],
            ready=properties["ActiveState"] == "active",
            restarts=properties["NRestarts"],
            main_pid=properties["MainPID"],
            cgroup=properties["ControlGroup"],
            image=container.image,
            owner=owners[container.pod],
        )
        for container, properties in zip(
            containers, await manager.get_all_properties(units, "Unit", "Service"), strict=True
        )
    )
