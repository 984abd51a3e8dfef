"""One pod whose files are in place: what is started, restarted or left, and what became of it.

In: the pod as it was and as it is, the states of its units, a manager. Out: a `PodOutcome`. Changes no files.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from podunit.failures import UnitFailure, find_failures
from podunit.install import Change
from podunit.installed import InstalledPod
from podunit.manager import Manager
from podunit.names import container_unit, sandbox_unit
from podunit.rollout import differs
from podunit.scope import Scope

# What a job may end with when all is as it was asked for: a unit skipped or one that runs already is no failure.
GOOD = ("done", "skipped")
# What is done for a pod whose Job starts it.
IN_TURN = "run in its turn"


@dataclass(frozen=True, slots=True)
class PodOutcome:
    """What became of one pod: words for the user, and why it failed, if it did.

    `job` is the result of the job that failed, '' if none did.
    """

    pod: str
    done: tuple[str, ...]
    job: str = ""
    failures: tuple[UnitFailure, ...] = ()


async def bring_up(
    manager: Manager,
    pod: InstalledPod,
    before: InstalledPod | None,
    change: Change,
    refreshed: frozenset[str],
    state: str,
    timer_state: str,
    scope: Scope,
    start_stopped: bool,
) -> PodOutcome:
    """Start, restart or leave a pod whose files have changed, and wait; `refreshed` are paths that its units read.

    `state` and `timer_state` are active states of the handle and the timer. What was stopped by somebody stays so
    unless `start_stopped`.
    """
    files = {*change.created, *change.updated, *change.removed} & {*pod.texts, *(before.texts if before else ())}
    changed = {name for name in files if before is None or differs(before.texts.get(name), pod.texts.get(name))}
    word = "created" if before is None else "changed" if changed or refreshed else "rewritten" if files else "unchanged"
    if pod.timer:
        return await _bring_up_timer(manager, pod, before, word, timer_state, start_stopped)
    if pod.runs_once:
        due = before is None or bool(changed or refreshed) or (start_stopped and state in ("inactive", "failed"))
        return await bring_up_once(manager, pod, word, state, scope, due)
    if before is None or (state == "inactive" and start_stopped):
        return await run(manager, pod, scope, (word, "started"), manager.start_unit)
    if state == "inactive":
        return PodOutcome(pod.name, (word, "stays stopped"))
    inits = {container.unit for container in (*before.containers, *pod.containers) if container.init}
    kept = {container.unit for container in pod.containers} & before.texts.keys() - inits
    # Without a container that stays, the pod has just come to its end.
    # The sandbox copies the files of volumes when it starts; a secret variable is its container's alone.
    changed |= {sandbox_unit(pod.name) for path in refreshed if path.startswith("volumes/")}
    changed |= {container_unit(pod.name, path.split("/")[1]) for path in refreshed if path.startswith("env/")}
    if changed & {sandbox_unit(pod.name), *inits} or not kept:
        return await run(manager, pod, scope, (word, "restarted"), manager.restart_unit)
    done = [word]
    if again := [container for container in pod.containers if container.unit in changed]:
        done.append(f"container {', '.join(container.name for container in again)} restarted")
        outcome = await run(
            manager, pod, scope, tuple(done), manager.restart_unit, [container.unit for container in again]
        )
        if outcome.job:
            return outcome
    if state == "active":
        return PodOutcome(pod.name, tuple(done))
    return await run(manager, pod, scope, (*done, "started"), manager.start_unit)


async def _bring_up_timer(
    manager: Manager,
    pod: InstalledPod,
    before: InstalledPod | None,
    word: str,
    state: str,
    start_stopped: bool,
) -> PodOutcome:
    """Start or stop the timer of a pod; a run that is not done goes on as it is."""
    timer = pod.boot_unit
    if pod.suspended:
        await manager.run_jobs(manager.stop_unit, [timer])
        return PodOutcome(pod.name, (word, "suspended"))
    was_scheduled = before is not None and not before.suspended
    if was_scheduled and state == "inactive" and not start_stopped:
        return PodOutcome(pod.name, (word, "stays stopped"))
    if was_scheduled and state == "active" and word in ("unchanged", "rewritten"):
        return PodOutcome(pod.name, (word,))
    return await start_timer(manager, pod, (word,))


async def start_timer(manager: Manager, pod: InstalledPod, done: tuple[str, ...]) -> PodOutcome:
    """Let the timer of a pod start it from now on; `done` is what has been done before."""
    (job,) = await manager.run_jobs(manager.restart_unit, [pod.boot_unit])
    if job.result not in GOOD:
        return PodOutcome(pod.name, (), job.result)
    return PodOutcome(pod.name, (*done, "scheduled"))


async def bring_up_once(
    manager: Manager,
    pod: InstalledPod,
    word: str,
    state: str,
    scope: Scope,
    due: bool,
    units: Iterable[str] = (),
) -> PodOutcome:
    """Run a Job that has not run as it is now; one that has ended is not run again.

    `state` is that of what runs it: of `units`, or the pod's handle.
    """
    if pod.suspended:
        return PodOutcome(pod.name, (word, "suspended"))
    if due:
        return await run(manager, pod, scope, (word, "started"), manager.restart_unit, units)
    return PodOutcome(pod.name, (word,) if state not in ("inactive", "failed") else (word, "has ended"))


async def run(
    manager: Manager,
    pod: InstalledPod,
    scope: Scope,
    done: tuple[str, ...],
    enqueue: Callable[[str], Awaitable[str]],
    units: Iterable[str] = (),
) -> PodOutcome:
    """Run a job for some units of a pod, by default for its handle; `done` is what has been done if they end well."""
    since_usec = time.time_ns() // 1000
    for job in await manager.run_jobs(enqueue, tuple(units) or (pod.unit,)):
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
