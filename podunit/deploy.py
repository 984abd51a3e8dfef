"""Files and running systemd together: make a machine match a workload, or rid it of pods.

In: a workload, the unit directory, a manager. Out: `PodOutcome`s. Decides what is started, restarted or stopped;
`install` changes the files and `manager` runs the jobs.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from podunit.bringup import IN_TURN, PodOutcome, bring_up, bring_up_once, run, start_timer
from podunit.engines.nfs import list_network_directories
from podunit.failures import find_failures
from podunit.files import read_static_units
from podunit.generate import generate_files, generate_parent, generate_pod
from podunit.host import find_target, remove_claims, remove_remains, require_nfs
from podunit.install import Change, UnitDirectory
from podunit.installed import InstalledPod, list_pods
from podunit.manager import Manager
from podunit.names import PARENT_SLICE, job_unit, pod_unit, timer_unit
from podunit.render import render
from podunit.rollout import Rollout, Scene, plan_rollouts, refuse_strangers
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.states import wait_until_up
from podunit.workload import Workload

# What a pod's job ends with when it is not up in time.
DEADLINE = "deadline"

_HELD = "kept as it is by its owner"
_WAITING = "not created: its owner is paused"


class Verb(StrEnum):
    """What can be done with an installed pod."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


_PAST = {Verb.START: "started", Verb.STOP: "stopped", Verb.RESTART: "restarted"}


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
    stays so unless `start_stopped`. The replicas of a controller follow its strategy: the files of one change when its
    turn comes, so that what is not reached is as it was, and another apply goes on from there.
    """
    target = await find_target(manager)
    require_nfs((pod.name for pod in workload.pods if list_network_directories(pod)), scope)
    wanted = {pod.name: {unit.name: render(unit) for unit in generate_pod(pod, scope, target)} for pod in workload.pods}
    files = {pod.name: generate_files(pod) for pod in workload.pods}
    before = list_pods(directory.read())
    refuse_strangers(workload.pods, before)
    # Whatever is in the way is found before anything is changed.
    directory.plan({name: text for own in (read_static_units(), *wanted.values()) for name, text in own.items()})
    states = await _get_active_states(manager)
    handles = {pod: states[pod_unit(pod)] for pod in {**wanted, **before}}
    scene = Scene(before, handles, wanted, frozenset(state.compare_files(files)), start_stopped)
    done = await _Apply(directory, state, manager, scope, scene, files, states, workload.concerned).run(
        plan_rollouts(workload, scene), objects
    )
    places = {pod.name: place for place, pod in enumerate(workload.pods)}
    told = [it for it in done.pods if it.pod not in workload.concerned or it.done != ("unchanged",)]
    # Of what owns pods the pods tell.
    silent = {f"{one.owner.kind}.{one.owner.name}" for one in workload.controllers if one.pods}
    return Outcome(
        tuple(sorted(told, key=lambda outcome: places.get(outcome.pod, len(places)))),
        done.change,
        {key: word for key, word in done.objects.items() if key not in silent},
    )


class _Apply:
    """One apply under way: rollouts side by side, each of them in waves."""

    def __init__(
        self,
        directory: UnitDirectory,
        state: StateFolder,
        manager: Manager,
        scope: Scope,
        scene: Scene,
        files: Mapping[str, Mapping[str, bytes]],
        states: Mapping[str, str],
        concerned: frozenset[str],
    ) -> None:
        self._directory = directory
        self._state = state
        self._files = files
        self._manager = manager
        self._scope = scope
        self._scene = scene
        self._states = states
        self._concerned = concerned
        self._after: dict[str, InstalledPod] = {}
        self._change = Change()
        self._refreshed: dict[str, frozenset[str]] = {}

    async def run(self, rollouts: tuple[Rollout, ...], objects: Mapping[str, str]) -> Outcome:
        """Remove what is too much, install all first waves at once and keep the objects, and go on from there."""
        self._state.discard_files()
        try:
            return await self._run(rollouts, objects)
        finally:
            # Only now: a pod that has started meanwhile may still have been reading.
            self._state.discard_files()

    async def _run(self, rollouts: tuple[Rollout, ...], objects: Mapping[str, str]) -> Outcome:
        removed = await asyncio.gather(*(self._remove_excess(rollout) for rollout in rollouts))
        stopped = await asyncio.gather(*(self._stop_replaced(rollout) for rollout in rollouts))
        ready = [rollout for rollout, failed in zip(rollouts, stopped, strict=True) if not failed]
        await self._install([pod for rollout in ready for pod in next(iter(rollout.waves), ())], ready)
        words = self._state.keep_objects(objects)
        rolled = await asyncio.gather(*(self._roll(rollout) for rollout in ready))
        outcomes = tuple(outcome for found in (*stopped, *rolled, *removed) for outcome in found)
        return Outcome(outcomes, self._change, words)

    async def _remove_excess(self, rollout: Rollout) -> tuple[PodOutcome, ...]:
        outcomes: list[PodOutcome] = []
        for wave in rollout.excess:
            pods = tuple(self._scene.before[name] for name in wave)
            keys = {pod.object_key for pod in pods}
            done = await delete(
                self._manager, self._directory, self._state, pods, (), self._scope, volumes=False, kept=keys
            )
            outcomes += done.pods
            self._change = self._change.join(done.change)
            if any(outcome.job for outcome in done.pods):
                break
        return tuple(outcomes)

    async def _stop_replaced(self, rollout: Rollout) -> tuple[PodOutcome, ...]:
        """Stop what is not replaced one by one; all its pods, as they are now, if one did not stop."""
        pods = [self._scene.before[name] for name in rollout.replaced]
        outcomes = (await operate(Verb.STOP, self._manager, pods, self._scope)).pods
        if not any(outcome.job for outcome in outcomes):
            return ()
        failed = {outcome.pod: outcome for outcome in outcomes if outcome.job}
        names = [name for wave in rollout.waves for name in wave]
        return tuple(failed.get(name) or self._leave(name) for name in names)

    async def _roll(self, rollout: Rollout) -> tuple[PodOutcome, ...]:
        outcomes = [PodOutcome(name, (_HELD,)) for name in rollout.held]
        outcomes += [PodOutcome(name, (_WAITING,)) for name in rollout.waiting]
        failed = False
        for index, wave in enumerate(rollout.waves):
            if failed:
                outcomes += [self._leave(name) for name in wave]
                continue
            if index:
                await self._install(wave, [rollout])
            outcomes += await _gather(self._bring_up_in_time(name, rollout) for name in wave)
            failed = any(outcome.job for outcome in outcomes)
        return tuple(outcomes)

    def _leave(self, name: str) -> PodOutcome:
        return PodOutcome(name, ("left as it is" if name in self._scene.before else "not created",))

    async def _bring_up_in_time(self, name: str, rollout: Rollout) -> PodOutcome:
        if rollout.deadline_sec is None:
            return await self._bring_up(name, rollout)
        since_usec = time.time_ns() // 1000
        try:
            return await asyncio.wait_for(self._bring_up(name, rollout), rollout.deadline_sec)
        except TimeoutError:
            failures = await find_failures(self._manager, self._after[name], self._scope, since_usec)
            return PodOutcome(name, (), DEADLINE, failures)

    async def _bring_up(self, name: str, rollout: Rollout) -> PodOutcome:
        scene, pod, before = self._scene, self._after[name], self._scene.before.get(name)
        state, start_stopped = scene.states[name], scene.start_stopped
        if name in rollout.replaced:
            state, start_stopped = "inactive", True
        if name in rollout.spared:
            return PodOutcome(name, ("changed", "not restarted"))
        if pod.runs_once and name in self._concerned:
            # What a Job refers to has changed, and the Job has not: it finds that when it next runs.
            return PodOutcome(name, ("unchanged",))
        if pod.job_unit:
            return await self._bring_up_in_turn(pod, pod.job_unit)
        refreshed, timer = self._refreshed.get(name, frozenset()), self._states[timer_unit(name)]
        outcome = await bring_up(
            self._manager, pod, before, self._change, refreshed, state, timer, self._scope, start_stopped
        )
        stays_stopped = before is not None and state == "inactive" and not start_stopped
        # A replica that was there before counts as well: it may be what an earlier apply has waited for in vain.
        if rollout.deadline_sec is None or outcome.job or stays_stopped:
            return outcome
        if await wait_until_up(self._manager, pod, rollout.min_ready_sec):
            return outcome
        return PodOutcome(name, (), "canceled")

    async def _bring_up_in_turn(self, pod: InstalledPod, job: str) -> PodOutcome:
        """The first pod of a Job starts it, if any of its pods is new or changed."""
        scene = self._scene
        word = "created" if pod.name not in scene.before else "changed" if scene.changes(pod.name) else "unchanged"
        if not pod.leads:
            return PodOutcome(pod.name, (word, IN_TURN))
        others = [one.name for one in self._after.values() if one.job_unit == job]
        changed = any(name not in scene.before or scene.changes(name) for name in others)
        due = changed or (scene.start_stopped and self._states[job] in ("inactive", "failed"))
        return await bring_up_once(self._manager, pod, word, self._states[job], self._scope, due, [job])

    async def _install(self, pods: Iterable[str], rollouts: Iterable[Rollout]) -> None:
        """Change the files of these pods, those of units in one transaction, and tell systemd."""
        scene, manager = self._scene, self._manager
        refreshed = self._state.stage_files({pod: self._files[pod] for pod in pods})
        texts = {**read_static_units(), **{name: text for pod in pods for name, text in scene.wanted[pod].items()}}
        old = [scene.before[pod] for pod in pods if pod in scene.before]
        gone = {name for pod in old for name in pod.texts if name not in scene.wanted[pod.name]}
        spared = {pod for rollout in rollouts for pod in rollout.spared}
        if kept := {name: pod for pod in old if pod.name in spared for name in pod.texts if name in gone}:
            # What runs goes on until somebody restarts the pod: that stops its sandbox, and this with it for good.
            for unit in await manager.list_units_by_patterns(kept):
                if unit.active not in ("inactive", "failed"):
                    gone.remove(unit.name)
                    pod = kept[unit.name]
                    texts[unit.name] = pod.texts[unit.name].replace(f"PartOf={pod.unit}\n", "", 1)
        await manager.run_jobs(manager.stop_unit, sorted(gone))
        await _forget_times(manager, (pod for pod in old if pod.timer in gone))
        # From here to the end of the write nothing is waited for: another rollout writes as well.
        installed = self._directory.read()
        after = list_pods({name: text for name, text in {**installed, **texts}.items() if name not in gone})
        parent = _render_parent(after.values())
        texts.update(parent)
        change = self._directory.plan(texts, (*gone, *({PARENT_SLICE} - parent.keys())))
        self._directory.write(change, texts, self._state.list_exchanges(refreshed))
        self._state.commit_files(refreshed)
        self._refreshed.update(refreshed)
        self._change = self._change.join(change)
        self._after.update({pod: after[pod] for pod in pods})
        if not change.is_empty:
            await manager.reload()
        await _enable(manager, scene.before, {pod: after[pod] for pod in pods})


async def operate(
    verb: Verb, manager: Manager, pods: Iterable[InstalledPod], scope: Scope, *, with_timers: bool = False
) -> Outcome:
    """Start, stop or restart pods, and wait until they are up, or until nothing of them runs.

    With `with_timers` a pod that has a timer is not started, but its timer; and none is left to start what is stopped.
    """
    pods = tuple(pods)
    timers = [pod.timer for pod in pods if pod.timer] if with_timers else []
    jobs = {pod.job_unit for pod in pods if pod.leads and pod.job_unit}
    if verb is Verb.STOP:
        await manager.run_jobs(manager.stop_unit, timers)
        await manager.run_jobs(manager.stop_unit, sorted(jobs))

    async def operate_on(pod: InstalledPod) -> PodOutcome:
        if pod.job_unit in jobs and verb is not Verb.STOP:
            if not pod.leads:
                return PodOutcome(pod.name, (IN_TURN,))
            return await run(manager, pod, scope, (_PAST[verb],), _find_call(manager, verb), [pod.job_unit])
        if pod.timer in timers and verb is not Verb.STOP:
            return await start_timer(manager, pod, ())
        return await run(manager, pod, scope, (_PAST[verb],), _find_call(manager, verb))

    return Outcome(await _gather(operate_on(pod) for pod in pods))


async def enqueue(verb: Verb, manager: Manager, pods: Iterable[InstalledPod]) -> Outcome:
    """Ask for the start, stop or restart of pods, and wait for nothing."""
    pods = tuple(pods)
    jobs = {pod.job_unit for pod in pods if pod.leads and pod.job_unit}
    units = dict.fromkeys(pod.job_unit if pod.job_unit in jobs and pod.job_unit else pod.unit for pod in pods)
    await asyncio.gather(*(_find_call(manager, verb)(unit) for unit in units))
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
    kept: Iterable[str] = (),
) -> Outcome:
    """Stop and disable pods and remove their units; a pod that does not stop keeps them.

    `objects` are kept no longer, by `KIND.NAME`, nor are those of pods and owners that are gone, but for `kept`. With
    `volumes` the pods' claims are removed with all that is in them.
    """
    pods = tuple(pods)
    outcomes = (await operate(Verb.STOP, manager, pods, scope, with_timers=True)).pods
    change = Change()
    stopped = [pod for pod, outcome in zip(pods, outcomes, strict=True) if not outcome.job]
    names = tuple(name for pod in stopped for name in pod.texts)
    if names:
        left = [pod.remains for pod in stopped]
        remove_remains(
            [name for one in left for name in one.containers],
            [name for one in left for name in one.secrets],
            [name for one in left for name in one.volumes],
            [name for one in left for name in one.folders],
            scope,
        )
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
        needed = {*kept, *(pod.object_key for pod in rest.values())}
        state.forget_objects({pod.object_key for pod in stopped} - needed)
        if volumes:
            remove_claims(claim for pod in stopped for claim in pod.claims)
    gone = state.forget_objects(objects)
    deleted = (outcome if outcome.job else PodOutcome(outcome.pod, (*outcome.done, "deleted")) for outcome in outcomes)
    return Outcome(tuple(deleted), change, dict.fromkeys(gone, "deleted"))


async def remove_static_units(manager: Manager, directory: UnitDirectory, state: StateFolder) -> Outcome:
    """Remove the units that ship with podunit, once no pod is left that uses them, and the objects that are kept."""
    change = directory.plan({}, tuple(read_static_units()))
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


async def _get_active_states(manager: Manager) -> Mapping[str, str]:
    """The active states of all handles, timers and Jobs, by unit."""
    units = await manager.list_units_by_patterns([pod_unit("*"), timer_unit("*"), job_unit("*")])
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


async def _gather(outcomes: Iterable[Awaitable[PodOutcome]]) -> tuple[PodOutcome, ...]:
    return tuple(await asyncio.gather(*outcomes))


def _find_call(manager: Manager, verb: Verb) -> Callable[[str], Awaitable[str]]:
    calls = {Verb.START: manager.start_unit, Verb.STOP: manager.stop_unit, Verb.RESTART: manager.restart_unit}
    return calls[verb]
