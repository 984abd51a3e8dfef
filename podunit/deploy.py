"""Files and running systemd together: make a machine match a workload, or rid it of pods.

In: a workload, the unit directory, a manager. Out: `PodOutcome`s. Decides what is started, restarted or stopped;
`install` changes the files and `manager` runs the jobs.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from podunit.failures import UnitFailure, find_failures
from podunit.files import find_folder
from podunit.generate import generate_files, generate_parent, generate_pod
from podunit.host import find_target, remove_claims
from podunit.install import Change, UnitDirectory
from podunit.installed import InstalledPod, list_pods
from podunit.manager import Manager
from podunit.model import Workload
from podunit.names import PARENT_SLICE, POD_KINDS, container_unit, pod_unit, sandbox_unit, timer_unit
from podunit.render import render
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.unitfile import strip_remarks

# What a job may end with when all is as it was asked for: a unit skipped or one that runs already is no failure.
_GOOD = ("done", "skipped")


class Verb(StrEnum):
    """What can be done with an installed pod."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


_PAST = {Verb.START: "started", Verb.STOP: "stopped", Verb.RESTART: "restarted"}


@dataclass(frozen=True, slots=True)
class PodOutcome:
    """What became of one pod: words for the user, and why it failed, if it did.

    `job` is the result of the job that failed, '' if none did.
    """

    pod: str
    done: tuple[str, ...]
    job: str = ""
    failures: tuple[UnitFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command has done: to each pod, to the unit files, and to the objects kept, by `KIND.NAME`."""

    pods: tuple[PodOutcome, ...]
    change: Change = field(default_factory=Change)
    objects: Mapping[str, str] = field(default_factory=dict)


async def apply(
    workload: Workload,
    objects: Mapping[str, str],
    directory: UnitDirectory,
    state: StateFolder,
    manager: Manager,
    scope: Scope,
    *,
    start_stopped: bool,
) -> Outcome:
    """Install the pods, reload, enable, start what is new, restart what changed, and wait for the jobs.

    `objects` are kept for later, by `KIND.NAME`. A pod that is installed and inactive was stopped by somebody, and
    stays so unless `start_stopped`.
    """
    target = await find_target(manager)
    wanted = {pod.name: {unit.name: render(unit) for unit in generate_pod(pod, scope, target)} for pod in workload.pods}
    texts = {name: text for files in (_read_static(), *wanted.values()) for name, text in files.items()}
    installed = directory.read()
    before = list_pods(installed)
    gone = tuple(name for pod in wanted if pod in before for name in before[pod].texts if name not in wanted[pod])
    after = list_pods({name: text for name, text in {**installed, **texts}.items() if name not in gone})
    parent = _render_parent(after.values())
    texts.update(parent)
    change = directory.plan(texts, (*gone, *({PARENT_SLICE} - parent.keys())))
    states = await _get_active_states(manager)
    refreshed = state.stage_files({pod.name: generate_files(pod) for pod in workload.pods})
    await manager.run_jobs(manager.stop_unit, gone)
    await _forget_times(manager, (pod for pod in before.values() if pod.timer in gone))
    directory.write(change, texts)
    state.commit_files(refreshed)
    words = state.keep_objects(objects)
    if not change.is_empty:
        await manager.reload()
    await _enable(manager, before, {name: after[name] for name in wanted})
    outcomes = await _gather(
        _bring_up(
            manager,
            after[name],
            before.get(name),
            change,
            refreshed.get(name, frozenset()),
            states,
            scope,
            start_stopped,
        )
        for name in wanted
        # What a Job refers to has changed, and the Job has not: it finds that when it next runs.
        if not (after[name].runs_once and name in workload.concerned)
    )
    told = (it for it in outcomes if it.pod not in workload.concerned or it.done != ("unchanged",))
    return Outcome(tuple(told), change, words)


async def operate(
    verb: Verb, manager: Manager, pods: Iterable[InstalledPod], scope: Scope, *, with_timers: bool = False
) -> Outcome:
    """Start, stop or restart pods, and wait until they are up, or until nothing of them runs.

    With `with_timers` a pod that has a timer is not started, but its timer; and none is left to start what is stopped.
    """
    pods = tuple(pods)
    timers = [pod.timer for pod in pods if pod.timer] if with_timers else []
    if verb is Verb.STOP:
        await manager.run_jobs(manager.stop_unit, timers)

    async def run(pod: InstalledPod) -> PodOutcome:
        if pod.timer in timers and verb is not Verb.STOP:
            return await _start_timer(manager, pod, ())
        return await _run(manager, pod, scope, (_PAST[verb],), _find_call(manager, verb))

    return Outcome(await _gather(run(pod) for pod in pods))


async def enqueue(verb: Verb, manager: Manager, pods: Iterable[InstalledPod]) -> Outcome:
    """Ask for the start, stop or restart of pods, and wait for nothing."""
    pods = tuple(pods)
    await asyncio.gather(*(_find_call(manager, verb)(pod.unit) for pod in pods))
    return Outcome(tuple(PodOutcome(pod.name, (f"{verb} enqueued",)) for pod in pods))


async def delete(
    manager: Manager,
    directory: UnitDirectory,
    state: StateFolder,
    pods: Iterable[InstalledPod],
    objects: Iterable[str],
    scope: Scope,
    *,
    volumes: bool,
) -> Outcome:
    """Stop and disable pods and remove their units; a pod that does not stop keeps them.

    `objects` are kept no longer, by `KIND.NAME`; with `volumes` the pods' claims are removed with all that is in them.
    """
    pods = tuple(pods)
    outcomes = (await operate(Verb.STOP, manager, pods, scope, with_timers=True)).pods
    change = Change()
    stopped = [pod for pod, outcome in zip(pods, outcomes, strict=True) if not outcome.job]
    names = tuple(name for pod in stopped for name in pod.texts)
    if names:
        await manager.disable_unit_files([unit for pod in stopped for unit in dict.fromkeys((pod.unit, pod.boot_unit))])
        await _forget_times(manager, stopped)
        rest = list_pods({name: text for name, text in directory.read().items() if name not in names})
        parent = _render_parent(rest.values())
        change = directory.plan(parent, (*names, *({PARENT_SLICE} - parent.keys())))
        directory.write(change, parent)
        await manager.reload()
        # A unit that had failed stays known, and would be shown as missing.
        for unit in await manager.list_units_by_patterns(names):
            await manager.reset_failed_unit(unit.name)
        state.forget_files(pod.name for pod in stopped)
        # Of a Job with several pods the last one takes it along; it is of no use without them.
        for pod in stopped:
            owner = re.sub("-[0-9]+$", "", pod.name)
            last = not any(re.fullmatch(rf"{re.escape(owner)}-[0-9]+", name) for name in rest)
            state.forget_objects(f"{kind}.{pod.name}" for kind in POD_KINDS)
            state.forget_objects(f"{kind}.{owner}" for kind in POD_KINDS if last and owner not in rest)
        if volumes:
            remove_claims(claim for pod in stopped for claim in pod.claims)
    gone = state.forget_objects(objects)
    deleted = (outcome if outcome.job else PodOutcome(outcome.pod, (*outcome.done, "deleted")) for outcome in outcomes)
    return Outcome(tuple(deleted), change, dict.fromkeys(gone, "deleted"))


async def remove_static_units(manager: Manager, directory: UnitDirectory, state: StateFolder) -> Outcome:
    """Remove the units that ship with podunit, once no pod is left that uses them, and the objects that are kept."""
    change = directory.plan({}, tuple(_read_static()))
    directory.write(change, {})
    await manager.reload()
    gone = state.forget_objects(state.read_objects())
    return Outcome((), change, dict.fromkeys(gone, "deleted"))


async def disown(manager: Manager, directory: UnitDirectory) -> tuple[str, ...]:
    """Leave all unit files to the administrator, running as they are; their names."""
    names = directory.disown()
    await manager.reload()
    return names


async def _forget_times(manager: Manager, pods: Iterable[InstalledPod]) -> None:
    """Let no later timer make up for what those of these pods would have missed."""
    for pod in pods:
        if pod.timer:
            await manager.clean_unit(pod.timer)


def _render_parent(pods: Iterable[InstalledPod]) -> dict[str, str]:
    """The slice above those of these pods, where it has anything to say."""
    low = sum(pod.memory_low_bytes for pod in pods)
    return {PARENT_SLICE: render(generate_parent(low))} if low else {}


def _read_static() -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(find_folder("units").iterdir())}


async def _get_active_states(manager: Manager) -> Mapping[str, str]:
    units = await manager.list_units_by_patterns([pod_unit("*"), timer_unit("*")])
    return defaultdict(lambda: "inactive", {unit.name: unit.active for unit in units})


async def _enable(manager: Manager, before: Mapping[str, InstalledPod], pods: Mapping[str, InstalledPod]) -> None:
    """Enable and disable what is new or has changed its mind; an administrator's own decision stays."""
    earlier = {name: before[name].boot_unit if before[name].boots else None for name in pods if name in before}
    later = {name: pod.boot_unit if pod.boots else None for name, pod in pods.items()}
    changed = [name for name in pods if later[name] != earlier.get(name)]
    # An earlier unit first: disabling one of two that belong together would disable the other too.
    if rests := [unit for name in changed if (unit := earlier.get(name))]:
        await manager.disable_unit_files(rests)
    if boots := [unit for name in changed if (unit := later[name])]:
        await manager.enable_unit_files(boots)
    if changed:
        await manager.reload()


async def _bring_up(
    manager: Manager,
    pod: InstalledPod,
    before: InstalledPod | None,
    change: Change,
    refreshed: frozenset[str],
    states: Mapping[str, str],
    scope: Scope,
    start_stopped: bool,
) -> PodOutcome:
    state = states[pod.unit]
    files = {*change.created, *change.updated, *change.removed} & {*pod.texts, *(before.texts if before else ())}
    changed = {name for name in files if before is None or _differs(before.texts.get(name), pod.texts.get(name))}
    word = "created" if before is None else "changed" if changed or refreshed else "rewritten" if files else "unchanged"
    if pod.timer:
        return await _bring_up_timer(manager, pod, before, word, states, start_stopped)
    if pod.runs_once:
        due = before is None or bool(changed or refreshed) or (start_stopped and state in ("inactive", "failed"))
        return await _bring_up_once(manager, pod, word, state, scope, due)
    if before and before.runs_once:
        return await _run(manager, pod, scope, (word, "started"), manager.restart_unit)
    if before is None or (state == "inactive" and start_stopped):
        return await _run(manager, pod, scope, (word, "started"), manager.start_unit)
    if state == "inactive":
        return PodOutcome(pod.name, (word, "stays stopped"))
    inits = {container.unit for container in (*before.containers, *pod.containers) if container.init}
    kept = {container.unit for container in pod.containers} & before.texts.keys() - inits
    # Without a container that stays, the pod has just come to its end.
    # The sandbox copies the files of volumes when it starts; a secret variable is its container's alone.
    changed |= {sandbox_unit(pod.name) for path in refreshed if path.startswith("volumes/")}
    changed |= {container_unit(pod.name, path.split("/")[1]) for path in refreshed if path.startswith("env/")}
    if changed & {sandbox_unit(pod.name), *inits} or not kept:
        return await _run(manager, pod, scope, (word, "restarted"), manager.restart_unit)
    done = [word]
    if again := [container for container in pod.containers if container.unit in changed]:
        done.append(f"container {', '.join(container.name for container in again)} restarted")
        outcome = await _run(
            manager, pod, scope, tuple(done), manager.restart_unit, [container.unit for container in again]
        )
        if outcome.job:
            return outcome
    if state == "active":
        return PodOutcome(pod.name, tuple(done))
    return await _run(manager, pod, scope, (*done, "started"), manager.start_unit)


async def _bring_up_timer(
    manager: Manager,
    pod: InstalledPod,
    before: InstalledPod | None,
    word: str,
    states: Mapping[str, str],
    start_stopped: bool,
) -> PodOutcome:
    """Start or stop the timer of a pod; a run that is not done goes on as it is."""
    timer = pod.boot_unit
    if before and not before.runs_once:
        # Until now the pod was to run for ever.
        await manager.run_jobs(manager.stop_unit, [pod.unit])
    if pod.suspended:
        await manager.run_jobs(manager.stop_unit, [timer])
        return PodOutcome(pod.name, (word, "suspended"))
    was_scheduled = before is not None and before.timer is not None and not before.suspended
    if was_scheduled and states[timer] == "inactive" and not start_stopped:
        return PodOutcome(pod.name, (word, "stays stopped"))
    if was_scheduled and states[timer] == "active" and word in ("unchanged", "rewritten"):
        return PodOutcome(pod.name, (word,))
    return await _start_timer(manager, pod, (word,))


async def _start_timer(manager: Manager, pod: InstalledPod, done: tuple[str, ...]) -> PodOutcome:
    (job,) = await manager.run_jobs(manager.restart_unit, [pod.boot_unit])
    if job.result not in _GOOD:
        return PodOutcome(pod.name, (), job.result)
    return PodOutcome(pod.name, (*done, "scheduled"))


async def _bring_up_once(
    manager: Manager, pod: InstalledPod, word: str, state: str, scope: Scope, due: bool
) -> PodOutcome:
    """Run a Job that has not run as it is now; one that has ended is not run again."""
    if pod.suspended:
        return PodOutcome(pod.name, (word, "suspended"))
    if due:
        return await _run(manager, pod, scope, (word, "started"), manager.restart_unit)
    return PodOutcome(pod.name, (word,) if state not in ("inactive", "failed") else (word, "has ended"))


async def _run(
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
        if job.result not in _GOOD:
            failures = await find_failures(manager, pod, scope, since_usec)
            return PodOutcome(pod.name, (), job.result, failures)
    return PodOutcome(pod.name, done)


async def _has_ended(manager: Manager, pod: InstalledPod) -> bool:
    """Whether a pod that was being started has done its work already."""
    properties = await manager.get_properties(pod.unit, "Unit", "Service")
    return properties["ActiveState"] in ("inactive", "deactivating") and properties["Result"] == "success"


def _differs(before: str | None, after: str | None) -> bool:
    """Whether two texts of a unit differ for systemd: not by comments, nor by sections that it skips."""
    return before is None or after is None or strip_remarks(before) != strip_remarks(after)


async def _gather(outcomes: Iterable[Awaitable[PodOutcome]]) -> tuple[PodOutcome, ...]:
    return tuple(await asyncio.gather(*outcomes))


def _find_call(manager: Manager, verb: Verb) -> Callable[[str], Awaitable[str]]:
    calls = {Verb.START: manager.start_unit, Verb.STOP: manager.stop_unit, Verb.RESTART: manager.restart_unit}
    return calls[verb]
