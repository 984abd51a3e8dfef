"""How the containers of installed pods are, as systemd knows it.

In: installed pods and a manager. Out: `ContainerState`s and `PodState`s.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from podunit.controllers import find_controllers, list_unenforced
from podunit.failures import UnitFailure, find_failures
from podunit.history import Exit, Past, read_pasts
from podunit.installed import InstalledContainer, InstalledPod
from podunit.manager import Manager, UnitState
from podunit.names import container_unit, job_unit, pod_unit, timer_unit
from podunit.prober.states import Kind
from podunit.readiness import find_known
from podunit.record import record
from podunit.scope import Scope

_POLL_MIN_SEC, _POLL_MAX_SEC = 0.1, 1.0
# Files of the prober make no signal, and a rollout waits for them again and again.
_PROBED_POLL_SEC = 0.2
# USEC_INFINITY: the next time of a timer that has none.
_NEVER_USEC = 2**64 - 1
# systemd compares every unit with every pattern.
_MANY = 100
# What systemd says of a unit that it has only just loaded.
_FORGOTTEN: Mapping[str, Any] = {
    "ActiveState": "inactive",
    "SubState": "dead",
    "Result": "success",
    "NRestarts": 0,
    "MainPID": 0,
    "ControlGroup": "",
    "StateChangeTimestamp": 0,
    "ActiveEnterTimestamp": 0,
    "ActiveExitTimestamp": 0,
}
# podman tells of an end before the unit's state changes.
_MARGIN_USEC = 60_000_000


class Phase(StrEnum):
    """What a pod as a whole is about. `failed` is what `systemctl is-failed` says, and `stopped` never ran, too."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_PHASES = {
    "active": Phase.RUNNING,
    "reloading": Phase.RUNNING,
    "activating": Phase.STARTING,
    "deactivating": Phase.STOPPING,
    "failed": Phase.FAILED,
}


@record
class ContainerState:
    """One container; the words of `active`, `sub` and `result` are systemd's, 0 and '' stand for none.

    `ready` is what its probes say while it is active; `restarts` and `last_exit` are those since somebody started it.
    """

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
    last_exit: Exit | None

    def describe(self) -> dict[str, object]:
        """The object that `ps -o json` prints; its keys are stable."""
        return {**vars(self), "last_exit": _describe_exit(self.last_exit)}


def _describe_exit(last: Exit | None) -> dict[str, object] | None:
    if last is None:
        return None
    return {
        "status": last.status,
        "signal": last.signal,
        "oom_killed": last.oom_killed,
        "reason": last.reason,
        "at": format_time(last.at_usec),
    }


@record
class PodSummary:
    """One pod and its containers, as they are listed."""

    pod: str
    owner: str
    active: str
    phase: Phase
    containers: tuple[ContainerState, ...]

    @property
    def ready(self) -> str:
        """How many of the containers that run together are ready, as '1/2'."""
        mains = [container for container in self.containers if not container.init]
        return f"{sum(container.ready for container in mains)}/{len(mains)}"

    def describe(self) -> dict[str, object]:
        """The object that `ps -o json` prints; its keys are stable."""
        return {"pod": self.pod, "owner": self.owner, "active": self.active, "phase": self.phase, "ready": self.ready}


@record
class PodState:
    """One pod: the state of its handle, since when (microseconds of CLOCK_REALTIME, 0 for never), and its containers.

    `enabled` is as `systemctl is-enabled` prints it; `failures` say what keeps it from being up; its timer starts it at
    `next_run_usec`, 0 for never. `unenforced` are limits of its units that have no effect, by directive.
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
    summary: PodSummary
    failures: tuple[UnitFailure, ...]
    next_run_usec: int = 0
    unenforced: tuple[str, ...] = ()
    why_unenforced: str = ""

    @property
    def containers(self) -> tuple[ContainerState, ...]:
        """Those of the pod, in the order of their start."""
        return self.summary.containers

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
            "phase": self.summary.phase,
            "ready": self.summary.ready,
            "since": format_time(self.since_usec),
            "enabled": self.enabled,
            "nextRun": format_time(self.next_run_usec),
            "unenforced": list(self.unenforced),
            "containers": [state.describe() for state in self.containers],
            "failures": [failure.describe() for failure in self.failures],
        }


def format_time(usec: int) -> str:
    """A time as RFC 3339 in UTC, '' for never."""
    return datetime.fromtimestamp(usec // 1_000_000, UTC).isoformat().replace("+00:00", "Z") if usec else ""


async def get_pod_state(manager: Manager, pod: InstalledPod, scope: Scope) -> PodState:
    """How a pod is; its failures are those that still last."""
    properties = await manager.get_properties(pod.unit, "Unit", "Service")
    (summary,) = await get_summaries(manager, [pod], scope)
    enabled = properties["UnitFileState"]
    if pod.timer:
        enabled = (await manager.get_properties(pod.timer, "Unit"))["UnitFileState"]
    lasting = properties["ActiveState"] != "active" or any(state.active != "active" for state in summary.containers)
    controllers = await find_controllers(manager, scope)
    unenforced = list_unenforced(pod.texts.values(), controllers)
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
        summary=summary,
        failures=await find_failures(manager, pod, scope, 0) if lasting else (),
        next_run_usec=await _get_next_run_usec(manager, pod),
        unenforced=unenforced,
        why_unenforced=controllers.explain(controllers.list_missing(unenforced))[0],
    )


async def get_active_states(manager: Manager) -> Mapping[str, str]:
    """The active states of all handles, timers and Jobs, by unit; inactive is what systemd does not know.

    What is down and has a job that starts it is activating: nobody wants it stopped.
    """
    units = await manager.list_units_by_patterns([pod_unit("*"), timer_unit("*"), job_unit("*")])
    return defaultdict(lambda: "inactive", {unit.name: _foresee_active(unit) for unit in units})


async def list_running(manager: Manager, pods: Iterable[InstalledPod]) -> tuple[InstalledPod, ...]:
    """Those of the pods that somebody has started."""
    states = await get_active_states(manager)
    return tuple(pod for pod in pods if states[pod.unit] != "inactive")


def _foresee_active(unit: UnitState) -> str:
    starts = unit.active in ("inactive", "failed", "deactivating") and unit.job in ("start", "restart")
    return "activating" if starts else unit.active


async def wait_until_up(manager: Manager, pod: InstalledPod, scope: Scope, min_ready_sec: int = 0) -> bool:
    """Wait until the pod is active and its containers have been ready for so long; False if it is stopped.

    A container without probes is ready while it is active.
    """
    containers = [container for container in pod.containers if not container.init]
    units = (pod.unit, *(container.unit for container in containers))
    while True:
        left_sec = _POLL_MAX_SEC
        found = await manager.get_all_properties(units, "Unit")
        if found[0]["ActiveState"] in ("inactive", "deactivating"):
            return False
        known = [find_known(container, scope) for container in containers]
        if all(one.ready for one in known if one) and all(
            properties["ActiveState"] == "active" for properties in found
        ):
            since_usec = max(properties["ActiveEnterTimestampMonotonic"] for properties in found)
            active_sec = time.clock_gettime(time.CLOCK_MONOTONIC) - since_usec / 1_000_000
            turns = [one.results[Kind.READINESS].at for one in known if one and Kind.READINESS in one.results]
            left_sec = min_ready_sec - min((active_sec, *(time.time() - turn for turn in turns)))
            if left_sec <= 0 or not min_ready_sec:
                return True
        await asyncio.sleep(min(max(left_sec, _POLL_MIN_SEC), _POLL_MAX_SEC if not any(known) else _PROBED_POLL_SEC))


async def _get_next_run_usec(manager: Manager, pod: InstalledPod) -> int:
    if not pod.timer:
        return 0
    properties = await manager.get_properties(pod.timer, "Unit", "Timer")
    usec = int(properties["NextElapseUSecRealtime"])
    return usec if properties["ActiveState"] == "active" and usec != _NEVER_USEC else 0


async def get_summaries(manager: Manager, pods: Iterable[InstalledPod], scope: Scope) -> tuple[PodSummary, ...]:
    """The states of pods and of all their containers, init containers included, in the order of their start."""
    pods = tuple(pods)
    # In order: a pod that is done is then shown with the ends of its containers.
    active = await _get_active_states(manager, pods)
    units = [container.unit for pod in pods for container in pod.containers]
    loaded = [unit for unit in units if unit in active]
    found = await manager.get_all_properties(loaded, "Unit", "Service")
    properties = {**dict.fromkeys(units, _FORGOTTEN), **dict(zip(loaded, found, strict=True))}
    pasts = _read_pasts(properties, scope)
    summaries = []
    for pod in pods:
        states = tuple(_judge(pod, it, properties[it.unit], pasts.get(it.unit), scope) for it in pod.containers)
        handle = active.get(pod.unit, "inactive")
        summaries.append(PodSummary(pod.name, pod.owner, handle, find_phase(pod, handle, states), states))
    return tuple(summaries)


async def _get_active_states(manager: Manager, pods: Iterable[InstalledPod]) -> dict[str, str]:
    """The active states of those handles and containers that systemd knows: it forgets what is inactive."""
    names = [unit for pod in pods for unit in (pod.unit, *(container.unit for container in pod.containers))]
    patterns = names if len(names) <= _MANY else [pod_unit("*"), container_unit("*", "*")]
    return {unit.name: unit.active for unit in await manager.list_units_by_patterns(patterns)}


def find_phase(pod: InstalledPod, active: str, states: Iterable[ContainerState]) -> Phase:
    """What a pod is about: its handle's active state, and whether its containers have come to a good end."""
    if active in _PHASES:
        return _PHASES[active]
    ending = {container.name for container in pod.containers if container.ends}
    lasts = [state.last_exit for state in states if state.container in ending]
    done = all(last and not last.status and not last.asked for last in lasts)
    return Phase.SUCCEEDED if lasts and done else Phase.STOPPED


def _read_pasts(properties: Mapping[str, Mapping[str, Any]], scope: Scope) -> dict[str, Past]:
    """What the journal says of containers that have ended or been restarted."""
    since_usec: dict[str, int] = {}
    for unit, own in properties.items():
        if own["ActiveState"] != "active" or own["NRestarts"]:
            # systemd knows when the last run ended. It knows nothing of a unit that it has forgotten.
            left_usec = own["ActiveExitTimestamp"] if own["ActiveEnterTimestamp"] else 0
            since_usec[unit] = max(left_usec - _MARGIN_USEC, 0)
    return read_pasts(since_usec, scope, min(since_usec.values(), default=0))


def _judge(
    pod: InstalledPod, container: InstalledContainer, properties: Mapping[str, Any], past: Past | None, scope: Scope
) -> ContainerState:
    active = properties["ActiveState"] == "active"
    known = find_known(container, scope)
    return ContainerState(
        pod=pod.name,
        container=container.name,
        init=container.init,
        unit=container.unit,
        active=properties["ActiveState"],
        sub=properties["SubState"],
        result=properties["Result"],
        ready=active and (known is None or known.ready),
        # A unit that systemd has forgotten has no state change, either.
        restarts=properties["NRestarts"] if properties["StateChangeTimestamp"] or not past else past.restarts,
        main_pid=properties["MainPID"],
        cgroup=properties["ControlGroup"],
        image=container.image,
        owner=pod.owner,
        last_exit=past.last_exit if past else None,
    )
