"""Files and running systemd together: make a machine match a workload, or rid it of pods.

In: a workload, the unit directory, a manager. Out: `PodOutcome`s. Decides what is started, restarted or stopped;
`install` changes the files and `manager` runs the jobs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from podunit.bringup import PodOutcome, bring_up, enable, list_asks, run, start_timer
from podunit.bundles import forget_images
from podunit.failures import find_failures
from podunit.files import read_static_units
from podunit.host import remove_claims, remove_remains
from podunit.install import Change, UnitDirectory
from podunit.installed import InstalledPod, Remains, list_boots, list_pods
from podunit.manager import Manager
from podunit.plan import IN_TURN, Deed
from podunit.planning import DELETED, HELD, WAITING, Outcome, Plan, choose_files, compose
from podunit.progress import Progress
from podunit.record import record
from podunit.rollout import Rollout
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.states import wait_until_up
from podunit.unfinished import Ask, Doom, Task

# What a pod's job ends with when it is not up in time.
DEADLINE = "deadline"
# How long a restarted container of a pod that no controller gives a deadline may take to be ready: as its start may.
_READY_SEC = 600
_AT_REST = ("inactive", "failed")


class Verb(StrEnum):
    """What can be done with an installed pod."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


_PAST = {Verb.START: "started", Verb.STOP: "stopped", Verb.RESTART: "restarted"}


async def apply(
    plan: Plan,
    directory: UnitDirectory,
    state: StateFolder,
    manager: Manager,
    scope: Scope,
    places: Mapping[str, str],
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Install the pods, reload, enable, start what is new, restart what changed, and wait for the jobs.

    A pod that is installed and inactive was stopped by somebody, and stays so unless the plan says otherwise. The
    replicas of a controller follow its strategy: the files of one change when its turn comes, so that what is not
    reached is as it was, and another apply goes on from there. The objects are kept with the first of these changes;
    `places` are where they were read. What is waited for, it tells.
    """
    progress = Progress(manager, scope, tell)
    async with progress.told():
        return plan.tell(await _Apply(directory, state, manager, scope, plan, places, progress).run())


@dataclass(slots=True)
class _Apply:
    """One apply under way: rollouts side by side, each of them in waves."""

    directory: UnitDirectory
    state: StateFolder
    manager: Manager
    scope: Scope
    plan: Plan
    places: Mapping[str, str]
    progress: Progress
    _after: dict[str, InstalledPod] = field(default_factory=dict)
    _change: Change = field(default_factory=Change)

    async def run(self) -> Outcome:
        """Remove what is too much, install all first waves at once and keep the objects, and go on from there."""
        try:
            return await self._run(self.plan.rollouts)
        finally:
            # Only now: a pod that has started meanwhile may still have been reading.
            self.state.discard_files()
            forget_images(self.state.path)
            self.directory.unfinished.clear()

    async def _run(self, rollouts: tuple[Rollout, ...]) -> Outcome:
        removed = await asyncio.gather(*(self._remove_excess(rollout) for rollout in rollouts))
        stopped = await asyncio.gather(*(self._stop_replaced(rollout) for rollout in rollouts))
        ready = [rollout for rollout, failed in zip(rollouts, stopped, strict=True) if not failed]
        words = self.state.compare_objects(self.plan.objects)
        staged = self.state.stage_objects(self.plan.objects, self.places)
        await self._install([pod for rollout in ready for pod in next(iter(rollout.waves), ())], ready, staged)
        self.state.keep_places(self.places)
        rolled = await asyncio.gather(*(self._roll(rollout) for rollout in ready))
        # systemd has restarted them, or only stopped them: this waits for their starts, or asks for those.
        others = [self.plan.scene.before[name] for name in self.plan.others]
        followed = await _gather(
            run(self.manager, pod, self.scope, ("restarted",), self.manager.start_unit) for pod in others
        )
        outcomes = tuple(outcome for found in (*stopped, *rolled, *removed, followed) for outcome in found)
        return Outcome(outcomes, self._change, words)

    async def _remove_excess(self, rollout: Rollout) -> tuple[PodOutcome, ...]:
        outcomes: list[PodOutcome] = []
        for wave in rollout.excess:
            pods = tuple(self.plan.scene.before[name] for name in wave)
            keys = {pod.object_key for pod in pods if pod.name not in self.plan.vanished}
            done = await delete(
                self.manager, self.directory, self.state, pods, (), self.scope, volumes=False, kept=keys
            )
            outcomes += done.pods
            self._change = self._change.join(done.change)
            if any(outcome.job for outcome in done.pods):
                break
        return tuple(outcomes)

    async def _stop_replaced(self, rollout: Rollout) -> tuple[PodOutcome, ...]:
        """Stop what is not replaced one by one; all its pods, as they are now, if one did not stop."""
        pods = [self.plan.scene.before[name] for name in rollout.replaced]
        self.directory.unfinished.note(Ask(pod.name, start=(pod.unit,)) for pod in pods)
        outcomes = (await operate(Verb.STOP, self.manager, pods, self.scope)).pods
        if not any(outcome.job for outcome in outcomes):
            return ()
        failed = {outcome.pod: outcome for outcome in outcomes if outcome.job}
        names = [name for wave in rollout.waves for name in wave]
        return tuple(failed.get(name) or self._leave(name) for name in names)

    async def _roll(self, rollout: Rollout) -> tuple[PodOutcome, ...]:
        outcomes = [PodOutcome(name, (HELD,)) for name in rollout.held]
        outcomes += [PodOutcome(name, (WAITING,)) for name in rollout.waiting]
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
        return PodOutcome(name, ("left as it is" if name in self.plan.scene.before else "not created",))

    async def _bring_up_in_time(self, name: str, rollout: Rollout) -> PodOutcome:
        since_usec = time.time_ns() // 1000
        try:
            with self.progress.waiting_for(self._after[name]):
                return await asyncio.wait_for(self._bring_up(name, rollout), rollout.deadline_sec)
        except TimeoutError:
            failures = await find_failures(self.manager, self._after[name], self.scope, since_usec)
            return PodOutcome(name, (), DEADLINE, failures)

    async def _bring_up(self, name: str, rollout: Rollout) -> PodOutcome:
        pod = self._after[name]
        decision = self.plan.decide(pod, rollout)
        unfinished = self.directory.unfinished
        outcome = await bring_up(self.manager, pod, decision, self.scope, lambda: unfinished.end(name))
        if name in rollout.spared or self.plan.stays_stopped(name, rollout):
            return outcome
        before = self.plan.scene.before.get(name)
        if before and decision.deed in (Deed.RESTART, Deed.RESTART_CONTAINERS) and not outcome.job:
            # What ran was stopped by the units that there are now, which know nothing of it.
            _remove([before.remains.without(pod.remains)], self.scope)
        # A replica that was there before counts as well: it may be what an earlier apply has waited for in vain. The
        # start of a pod waits for its probes by itself, and that of a container does not.
        again = decision.containers if decision.deed is Deed.RESTART_CONTAINERS else ()
        if outcome.job or not (rollout.deadline_sec or any(container.probed for container in again)):
            return outcome
        up = wait_until_up(self.manager, pod, self.scope, rollout.min_ready_sec)
        if await asyncio.wait_for(up, rollout.deadline_sec or _READY_SEC):
            return outcome
        return PodOutcome(name, (), "canceled")

    async def _install(self, pods: Sequence[str], rollouts: Sequence[Rollout], staged: tuple[str, ...] = ()) -> None:
        """Change the files of these pods in one transaction, with the objects that are staged, and tell systemd."""
        scene, manager = self.plan.scene, self.manager
        refreshed = self.state.stage_files({pod: self.plan.files[pod] for pod in pods})
        texts, gone = await choose_files(manager, scene, pods, rollouts)
        timers = [pod for pod in scene.before.values() if pod.name in pods and pod.timer in gone]
        await manager.run_jobs(manager.stop_unit, [pod.boot_unit for pod in timers])
        await _forget_times(manager, timers)
        # Without a pattern systemd lists all that it knows.
        loaded = await manager.list_units_by_patterns(sorted(gone)) if gone else ()
        running = [unit.name for unit in loaded if unit.active not in _AT_REST]
        # From here to the end of the write nothing is waited for: another rollout writes as well.
        found = compose(self.directory, texts, gone)
        tasks = self._list_tasks({pod: found.after[pod] for pod in pods}, rollouts, running, staged)
        self.directory.write(found.change, found.texts, self.state.list_exchanges(refreshed), tasks)
        self.state.commit_files(refreshed)
        self.state.commit_objects(staged)
        self._change = self._change.join(found.change)
        self._after.update({pod: found.after[pod] for pod in pods})

        async def tell() -> None:
            # Before the reload, by which systemd forgets how they are stopped.
            await manager.run_jobs(manager.stop_unit, running)
            if not found.change.is_empty:
                await manager.reload()
            await enable(manager, scene.before, {pod: found.after[pod] for pod in pods})
            self.directory.unfinished.end("")

        await _see_through(tell())

    def _list_tasks(
        self, pods: Mapping[str, InstalledPod], rollouts: Iterable[Rollout], gone: Sequence[str], keep: tuple[str, ...]
    ) -> list[Task]:
        """What comes after the change of these pods' files; '' is for what is no pod's own."""
        tasks: list[Task] = [Ask("", stop=tuple(gone), keep=keep)]
        for rollout in rollouts:
            for pod in (pods[name] for wave in rollout.waves for name in wave if name in pods):
                ask = list_asks(pod, self.plan.decide(pod, rollout))
                rests, boots = list_boots(self.plan.scene.before, {pod.name: pod})
                if ask != Ask(pod.name) or rests or boots:
                    tasks.append(replace(ask, disable=tuple(rests), enable=tuple(boots)))
        return tasks


async def operate(
    verb: Verb, manager: Manager, pods: Iterable[InstalledPod], scope: Scope, *, with_timers: bool = False
) -> Outcome:
    """Start, stop or restart pods, and wait until they are up, or until nothing of them runs.

    With `with_timers` a pod that has a timer is not started, but its timer; and none is left to start what is stopped.
    """
    pods = tuple(pods)
    if verb is Verb.STOP:
        if with_timers:
            await manager.run_jobs(manager.stop_unit, [pod.timer for pod in pods if pod.timer])
        await manager.run_jobs(manager.stop_unit, sorted(_list_jobs(pods)))

    async def take(step: _Step) -> PodOutcome:
        if step.unit is None:
            return PodOutcome(step.pod.name, step.done)
        if step.unit == step.pod.timer:
            return await start_timer(manager, step.pod, step.done)
        return await run(manager, step.pod, scope, step.done, _find_call(manager, verb), [step.unit])

    return Outcome(await _gather(take(step) for step in _list_steps(verb, pods, with_timers=with_timers)))


@record
class _Step:
    """What is done with a pod, and the unit for which a job is run: None for none."""

    pod: InstalledPod
    done: tuple[str, ...]
    unit: str | None


def _list_steps(verb: Verb, pods: Iterable[InstalledPod], *, with_timers: bool) -> list[_Step]:
    pods = tuple(pods)
    jobs = _list_jobs(pods)

    def find(pod: InstalledPod) -> _Step:
        if verb is not Verb.STOP and pod.job_unit in jobs:
            return _Step(pod, (_PAST[verb],), pod.job_unit) if pod.leads else _Step(pod, (IN_TURN,), None)
        if verb is not Verb.STOP and with_timers and pod.timer:
            return _Step(pod, ("scheduled",), pod.timer)
        return _Step(pod, (_PAST[verb],), pod.unit)

    return [find(pod) for pod in pods]


def _list_jobs(pods: Iterable[InstalledPod]) -> set[str]:
    """The services of Jobs whose first pod is among these."""
    return {pod.job_unit for pod in pods if pod.leads and pod.job_unit}


def foresee_operation(verb: Verb, pods: Iterable[InstalledPod], *, wait: bool, with_timers: bool) -> Outcome:
    """What `operate` or, without `wait`, `enqueue` does if all goes well."""
    pods = tuple(pods)
    if not wait:
        return _tell_enqueued(verb, pods)
    steps = _list_steps(verb, pods, with_timers=with_timers)
    return Outcome(tuple(PodOutcome(step.pod.name, step.done) for step in steps))


async def enqueue(verb: Verb, manager: Manager, pods: Iterable[InstalledPod]) -> Outcome:
    """Ask for the start, stop or restart of pods, and wait for nothing."""
    pods = tuple(pods)
    jobs = _list_jobs(pods)
    units = dict.fromkeys(pod.job_unit if pod.job_unit in jobs and pod.job_unit else pod.unit for pod in pods)
    await asyncio.gather(*(_find_call(manager, verb)(unit) for unit in units))
    return _tell_enqueued(verb, pods)


def _tell_enqueued(verb: Verb, pods: Iterable[InstalledPod]) -> Outcome:
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
    pods, objects, unfinished = tuple(pods), tuple(objects), directory.unfinished
    keys = {pod.name: () if pod.object_key in kept else (pod.object_key,) for pod in pods}
    dooms = [Doom(it.name, tuple(it.texts), keys[it.name], it.claims if volumes else ()) for it in pods]
    dooms += [Doom("", objects=objects)] if objects else []
    unfinished.note(dooms)
    try:
        outcomes = (await operate(Verb.STOP, manager, pods, scope, with_timers=True)).pods
    except BaseException:
        for doom in dooms:
            unfinished.end(doom.pod)
        unfinished.clear()
        raise
    failed = {outcome.pod for outcome in outcomes if outcome.job}
    for name in failed:
        unfinished.end(name)
    change = await _remove_units(manager, directory, [pod for pod in pods if pod.name not in failed], scope)
    gone = await forget(manager, directory, state, [doom for doom in dooms if doom.pod not in failed])
    deleted = (outcome if outcome.job else PodOutcome(outcome.pod, DELETED) for outcome in outcomes)
    return Outcome(tuple(deleted), change, dict.fromkeys((key for key in gone if key in objects), "deleted"))


def _remove(left: Iterable[Remains], scope: Scope) -> None:
    left = tuple(left)
    remove_remains(
        [name for one in left for name in one.containers],
        [name for one in left for name in one.secrets],
        [name for one in left for name in one.volumes],
        [name for one in left for name in one.state],
        [name for one in left for name in one.runtime],
        scope,
    )


async def _remove_units(
    manager: Manager, directory: UnitDirectory, stopped: Sequence[InstalledPod], scope: Scope
) -> Change:
    names = tuple(name for pod in stopped for name in pod.texts)
    if names:
        _remove([pod.remains for pod in stopped], scope)
        await manager.disable_unit_files([unit for pod in stopped for unit in dict.fromkeys((pod.unit, pod.boot_unit))])
        await _forget_times(manager, stopped)
        found = compose(directory, {}, names)
        directory.write(found.change, found.texts)
        return found.change
    return Change()


async def forget(
    manager: Manager, directory: UnitDirectory, state: StateFolder, dooms: Sequence[Doom]
) -> tuple[str, ...]:
    """Let systemd and the state folder know no more of pods whose units are gone; the objects that were kept."""
    names = [unit for doom in dooms for unit in doom.units]
    if names:
        await manager.reload()
        # A unit that had failed stays known, and would be shown as missing.
        for unit in await manager.list_units_by_patterns(names):
            await manager.reset_failed_unit(unit.name)
    state.forget_files(doom.pod for doom in dooms if doom.pod)
    forget_images(state.path)
    # Of an owner some pods may stay.
    needed = {pod.object_key for pod in list_pods(directory.read()).values()}
    gone = state.forget_objects(key for doom in dooms for key in doom.objects if not (doom.pod and key in needed))
    remove_claims(claim for doom in dooms for claim in doom.claims)
    for doom in dooms:
        directory.unfinished.end(doom.pod)
    directory.unfinished.clear()
    return gone


def foresee_deletion(
    directory: UnitDirectory, state: StateFolder, pods: Iterable[InstalledPod], objects: Iterable[str]
) -> Outcome:
    """What `delete` does if all goes well."""
    pods = tuple(pods)
    change = compose(directory, {}, [name for pod in pods for name in pod.texts]).change if pods else Change()
    kept = state.read_objects()
    gone = dict.fromkeys((name for name in objects if name in kept), "deleted")
    return Outcome(tuple(PodOutcome(pod.name, DELETED) for pod in pods), change, gone)


async def remove_static_units(manager: Manager, directory: UnitDirectory, state: StateFolder) -> Outcome:
    """Remove the units that ship with podunit, once no pod is left that uses them, and the objects that are kept."""
    change = directory.plan({}, tuple(read_static_units()))
    directory.write(change, {})
    await manager.reload()
    gone = state.forget_objects(state.read_objects())
    return Outcome((), change, dict.fromkeys(gone, "deleted"))


def foresee_removal(directory: UnitDirectory, state: StateFolder, pods: Iterable[InstalledPod]) -> Outcome:
    """What becomes of all these pods, and then of podunit's own units and of the objects, if all goes well."""
    pods = tuple(pods)
    done = foresee_deletion(directory, state, pods, ())
    change = done.change.join(directory.plan({}, tuple(read_static_units())))
    gone = state.read_objects().keys() - {pod.object_key for pod in pods}
    return Outcome(done.pods, change, dict.fromkeys(sorted(gone), "deleted"))


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


async def _see_through(work: Coroutine[None, None, None]) -> None:
    """Do this to its end, even if whoever waits for it is told to stop."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _gather(outcomes: Iterable[Awaitable[PodOutcome]]) -> tuple[PodOutcome, ...]:
    return tuple(await asyncio.gather(*outcomes))


def _find_call(manager: Manager, verb: Verb) -> Callable[[str], Awaitable[str]]:
    calls = {Verb.START: manager.start_unit, Verb.STOP: manager.stop_unit, Verb.RESTART: manager.restart_unit}
    return calls[verb]
