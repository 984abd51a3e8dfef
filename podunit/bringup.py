"""One pod whose files are in place: what was decided for it is done, and what became of it is said.

In: the pod, a `Decision`, a manager. Out: a `PodOutcome`. Changes no files.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from dataclasses import replace

from podunit.failures import UnitFailure, find_failures
from podunit.installed import InstalledPod, list_boots
from podunit.live import apply_limits
from podunit.manager import Manager
from podunit.plan import Decision, Deed
from podunit.record import record
from podunit.scope import Scope
from podunit.unfinished import Ask

# What a job may end with when all is as it was asked for: a unit skipped or one that runs already is no failure.
GOOD = ("done", "skipped")
# Active states of a unit of which nothing runs.
AT_REST = ("inactive", "failed")


@record
class PodOutcome:
    """What became of one pod: words for the user, and why it failed, if it did.

    `job` is the result of the job that failed, '' if none did; `aim` is what it was to become by that.
    """

    pod: str
    done: tuple[str, ...]
    job: str = ""
    failures: tuple[UnitFailure, ...] = ()
    aim: str = "up"


async def bring_up(
    manager: Manager, pod: InstalledPod, decision: Decision, scope: Scope, asked: Callable[[], None]
) -> PodOutcome:
    """Do what has been decided for a pod whose files are in place, and wait.

    `asked` is called as soon as systemd has been asked for all of it.
    """
    if decision.limits:
        await apply_limits(manager, pod)
    match decision.deed:
        case Deed.START:
            return await run(manager, pod, scope, decision.done, manager.start_unit, asked=asked)
        case Deed.RESTART:
            units = [decision.unit] if decision.unit else []
            return await run(manager, pod, scope, decision.done, manager.restart_unit, units, asked)
        case Deed.RESTART_CONTAINERS if decision.then_starts:
            units = [container.unit for container in decision.containers]
            outcome = await run(manager, pod, scope, decision.done, manager.restart_unit, units)
            if not outcome.job:
                return await run(manager, pod, scope, decision.done, manager.start_unit, asked=asked)
            asked()
            return outcome
        case Deed.RESTART_CONTAINERS:
            units = [container.unit for container in decision.containers]
            return await run(manager, pod, scope, decision.done, manager.restart_unit, units, asked)
        case Deed.SCHEDULE:
            return await start_timer(manager, pod, decision.done, asked)
        case Deed.SUSPEND:
            await manager.run_jobs(manager.stop_unit, [pod.boot_unit])
    asked()
    return PodOutcome(pod.name, decision.done)


def list_asks(pod: InstalledPod, decision: Decision) -> Ask:
    """What `bring_up` asks systemd for, as it is noted for the case that it does not come to that."""
    ask = Ask(pod.name, limits=tuple(decision.limits))
    match decision.deed:
        case Deed.START:
            return replace(ask, start=(pod.unit,))
        case Deed.RESTART:
            return replace(ask, restart=(decision.unit or pod.unit,))
        case Deed.RESTART_CONTAINERS:
            units = tuple(container.unit for container in decision.containers)
            return replace(ask, restart=units, start=(pod.unit,) if decision.then_starts else ())
        case Deed.SCHEDULE:
            return replace(ask, restart=(pod.boot_unit,))
        case Deed.SUSPEND:
            return replace(ask, stop=(pod.boot_unit,))
    return ask


async def start_timer(
    manager: Manager, pod: InstalledPod, done: tuple[str, ...], asked: Callable[[], None] = lambda: None
) -> PodOutcome:
    """Let the timer of a pod start it from now on; `done` is what has been done then."""
    (job,) = await manager.run_jobs(manager.restart_unit, [pod.boot_unit], asked)
    if job.result not in GOOD:
        return PodOutcome(pod.name, (), job.result)
    return PodOutcome(pod.name, done)


async def run(
    manager: Manager,
    pod: InstalledPod,
    scope: Scope,
    done: tuple[str, ...],
    enqueue: Callable[[str], Awaitable[str]],
    units: Iterable[str] = (),
    asked: Callable[[], None] = lambda: None,
) -> PodOutcome:
    """Run a job for some units of a pod, by default for its handle; `done` is what has been done if they end well."""
    since_usec = time.time_ns() // 1000
    for job in await manager.run_jobs(enqueue, tuple(units) or (pod.unit,), asked):
        if job.result == "canceled" and pod.runs_once and await _has_ended(manager, pod):
            continue
        if job.result not in GOOD:
            failures = await find_failures(manager, pod, scope, since_usec)
            return PodOutcome(pod.name, (), job.result, failures)
    return PodOutcome(pod.name, done)


async def _has_ended(manager: Manager, pod: InstalledPod) -> bool:
    """Whether a pod that was being started has done its work already."""
    properties = await manager.get_properties(pod.unit, "Unit", "Service")
    return properties["ActiveState"] in ("inactive", "deactivating") and properties["Result"] == "success"


async def enable(
    manager: Manager, before: Mapping[str, InstalledPod], pods: Mapping[str, InstalledPod], enabled: Container[str]
) -> None:
    """Enable and disable what is new or has changed its mind, or its links; an administrator's own decision stays."""
    rests, boots = list_boots(before, pods, enabled)
    # An earlier unit first: disabling one of two that belong together would disable the other too.
    if rests:
        await manager.disable_unit_files(rests)
    if boots:
        await manager.enable_unit_files(boots)
    if rests or boots:
        await manager.reload()
