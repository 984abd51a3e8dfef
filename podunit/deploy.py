"""Files and running systemd together: make a machine match a workload.

In: a workload, the unit directory, a manager. Out: `PodOutcome`s. Decides what is started, restarted or stopped;
`install` changes the files and `manager` runs the jobs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from podunit.bringup import AT_REST, GOOD, PodOutcome, bring_up, enable, list_asks, run
from podunit.bundles import forget_images
from podunit.deletion import clear_sandboxes, forget, forget_times, remove_left, stop_again
from podunit.drift import Drift, DriftKind
from podunit.errors import PodunitError
from podunit.failures import find_failures
from podunit.install import Change, UnitDirectory
from podunit.installed import InstalledPod, Remains, list_boots, list_pods
from podunit.manager import Manager
from podunit.operating import Verb, gather, operate
from podunit.plan import Decision, Deed
from podunit.planning import DELETED, HELD, LASTING, WAITING, Outcome, Plan, choose_files, compose
from podunit.progress import Progress
from podunit.rollout import Rollout
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.states import get_active_states, wait_until_up
from podunit.surroundings import Surroundings, list_lost_networks
from podunit.unfinished import Ask, Doom, Task

# What a pod's job ends with when it is not up in time.
DEADLINE = "deadline"
# How long a restarted container of a pod that no controller gives a deadline may take to be ready: as its start may.
_READY_SEC = 600


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
    _decisions: dict[str, Decision] = field(default_factory=dict)
    _asks: dict[str, Ask] = field(default_factory=dict)
    _change: Change = field(default_factory=Change)
    # What somebody who died has asked systemd for.
    _handed_over: dict[str, Ask] = field(default_factory=dict)
    # Pods that are stopped and go, and what is to be started again if nothing comes of the change.
    _excess: list[InstalledPod] = field(default_factory=list)
    _unstopped: dict[str, PodOutcome] = field(default_factory=dict)
    _stopped: list[Ask] = field(default_factory=list)

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
        noted = self.directory.unfinished.read()
        self._handed_over = {name: it for name, it in noted.items() if isinstance(it, Ask) and it.is_asked}
        drift = await self._mend_networks()
        removed = await asyncio.gather(*(self._stop_excess(rollout) for rollout in rollouts))
        stopped = await asyncio.gather(*(self._stop_replaced(rollout) for rollout in rollouts))
        ready = [rollout for rollout, failed in zip(rollouts, stopped, strict=True) if not failed]
        words = self.state.compare_objects(self.plan.objects)
        first = [pod for rollout in ready for pod in next(iter(rollout.waves), ())]
        try:
            staged = self.state.stage_objects(self.plan.objects, self.places)
            await self._install(first, ready, staged, self._excess)
        except PodunitError:
            await self._start_again()
            raise
        self.state.keep_places(self.places)
        rolled = await asyncio.gather(*(self._roll(rollout) for rollout in ready))
        # systemd has restarted them, or only stopped them: this waits for their starts, or asks for those.
        others = [self.plan.scene.before[name] for name in self.plan.others]
        followed = await gather(
            run(self.manager, pod, self.scope, ("restarted",), self.manager.start_unit) for pod in others
        )
        every = (outcome for found in (*stopped, *rolled, *removed, followed) for outcome in found)
        outcomes = tuple(self._unstopped.get(outcome.pod, outcome) for outcome in every)
        self._note_surroundings(outcomes)
        return Outcome(outcomes, self._change, words, drift=drift)

    async def _mend_networks(self) -> Mapping[str, tuple[Drift, ...]]:
        """Let units make networks again that somebody has removed, where they would not do that at the next start."""
        moved = self.plan.moved
        lost = list_lost_networks(drift for own in moved.values() for drift in own)
        active = [unit.name for unit in await self.manager.list_units_by_patterns(lost)] if lost else []
        jobs = await self.manager.run_jobs(self.manager.restart_unit, active)
        mended = {unit for unit, job in zip(active, jobs, strict=True) if job.result in GOOD}
        return {
            pod: tuple(
                replace(drift, mended=True) if mended.intersection(list_lost_networks([drift])) else drift
                for drift in own
            )
            for pod, own in moved.items()
        }

    def _note_surroundings(self, outcomes: Iterable[PodOutcome]) -> None:
        """Keep what pods have found that are up now; one that runs with what was there before has not found it yet."""
        surroundings = Surroundings(self.state.path)
        known, scene = surroundings.read(), self.plan.scene
        pods = []
        for outcome in outcomes:
            name = outcome.pod
            if outcome.job or name not in self._after:
                continue
            starts = bool({"started", "restarted"}.intersection(outcome.done))
            is_told = name in self.plan.moved and not any(
                drift.runs or drift.kind is DriftKind.REMOVED for drift in self.plan.moved[name]
            )
            if starts or (scene.runs(name) and (is_told or name not in known)):
                pods.append(self._after[name])
        surroundings.note(pods, self.scope)

    async def _stop_excess(self, rollout: Rollout) -> tuple[PodOutcome, ...]:
        """Stop what is too much, wave by wave as long as that goes well; its units go with the first change."""
        outcomes: list[PodOutcome] = []
        for wave in rollout.excess:
            pods = [self.plan.scene.before[name] for name in wave]
            self._note_stops(Ask(pod.name, start=self.plan.list_running(pod)) for pod in pods)
            done = (await operate(Verb.STOP, self.manager, pods, self.scope, with_timers=True)).pods
            failed = {outcome.pod for outcome in done if outcome.job}
            for name in failed:
                self.directory.unfinished.end(name)
            self._excess += [pod for pod in pods if pod.name not in failed]
            outcomes += [outcome if outcome.job else PodOutcome(outcome.pod, DELETED) for outcome in done]
            if failed:
                break
        return tuple(outcomes)

    async def _stop_replaced(self, rollout: Rollout) -> tuple[PodOutcome, ...]:
        """Stop what is not replaced one by one; all its pods, as they are now, if one did not stop."""
        pods = [self.plan.scene.before[name] for name in rollout.replaced]
        self._note_stops(Ask(pod.name, start=(pod.unit,)) for pod in pods)
        outcomes = (await operate(Verb.STOP, self.manager, pods, self.scope)).pods
        if not any(outcome.job for outcome in outcomes):
            return ()
        failed = {outcome.pod: outcome for outcome in outcomes if outcome.job}
        names = [name for wave in rollout.waves for name in wave]
        return tuple(failed.get(name) or self._leave(name) for name in names)

    def _note_stops(self, asks: Iterable[Ask]) -> None:
        """Let what is stopped now be started again by whoever comes next, until its files have changed."""
        noted = [ask for ask in asks if ask.start]
        self.directory.unfinished.note(noted)
        self._stopped += noted

    async def _start_again(self) -> None:
        """Ask for the start of what was stopped for a change of files that has come to nothing."""
        installed = list_pods(self.directory.read())
        for ask in self._stopped:
            for unit in ask.start if ask.pod in installed else ():
                with suppress(PodunitError):
                    await self.manager.start_unit(unit)
            with suppress(PodunitError):
                self.directory.unfinished.end(ask.pod)

    async def _roll(self, rollout: Rollout) -> tuple[PodOutcome, ...]:
        outcomes = [PodOutcome(name, (HELD,)) for name in rollout.held]
        outcomes += [PodOutcome(name, (LASTING,)) for name in rollout.lasting]
        outcomes += [PodOutcome(name, (WAITING,)) for name in rollout.waiting]
        failed = False
        for index, wave in enumerate(rollout.waves):
            if failed:
                outcomes += [self._leave(name) for name in wave]
                continue
            if index:
                await self._install(wave, [rollout])
            outcomes += await gather(self._bring_up_in_time(name, rollout) for name in wave)
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
        decision = self._decisions[name]
        unfinished = self.directory.unfinished
        outcome = await bring_up(
            self.manager, pod, decision, self.scope, lambda: unfinished.hand_over(self._asks[name])
        )
        # A replica that was there before counts as well: it may be what an earlier apply has waited for in vain. The
        # start of a pod waits for its probes by itself, and that of a container does not.
        again = decision.containers if decision.deed is Deed.RESTART_CONTAINERS else ()
        earlier = self._handed_over.get(name, Ask(name))
        if decision.deed is Deed.NOTHING and self.plan.scene.runs(name):
            # Somebody who died has asked for their restarts.
            again = tuple(container for container in pod.containers if container.unit in earlier.wait)
            if again:
                units = [container.unit for container in again]
                outcome = await run(self.manager, pod, self.scope, outcome.done, self.manager.start_unit, units)
        restarts = decision.deed in (Deed.RESTART, Deed.RESTART_CONTAINERS)
        # What ran was stopped by the units that there are now, which know nothing of it, also if these do not come up;
        # with other makers nothing runs any more.
        left = (*earlier.left, *self._list_left(pod, whole=restarts or self._is_moved(name)))
        try:
            remove_left([Remains.parse(left).without(pod.remains)], self.scope)
        except PodunitError:
            # Of two failures the pod's own is told.
            if not outcome.job:
                raise
        if name in self._handed_over or self._asks[name].hand_over().wait:
            unfinished.end(name)
        if name in rollout.spared or self.plan.stays_stopped(name, rollout):
            return outcome
        if outcome.job or not (rollout.deadline_sec or any(container.probed for container in again)):
            return outcome
        up = wait_until_up(self.manager, pod, self.scope, rollout.min_ready_sec)
        if await asyncio.wait_for(up, rollout.deadline_sec or _READY_SEC):
            return outcome
        return PodOutcome(name, (), "canceled")

    async def _install(
        self,
        pods: Sequence[str],
        rollouts: Sequence[Rollout],
        staged: tuple[str, ...] = (),
        excess: Sequence[InstalledPod] = (),
    ) -> None:
        """Change the files of these pods in one transaction, with the objects that are staged, and tell systemd.

        Those of pods that go, and are stopped, are removed with it.
        """
        scene, manager = self.plan.scene, self.manager
        refreshed = self.state.stage_files({pod: self.plan.files[pod] for pod in pods})
        texts, gone = await choose_files(manager, scene, pods, rollouts)
        timers = [pod for pod in scene.before.values() if pod.name in pods and pod.timer in gone]
        await manager.run_jobs(manager.stop_unit, [pod.boot_unit for pod in timers])
        await forget_times(manager, (*timers, *excess))
        # Without a pattern systemd lists all that it knows.
        loaded = await manager.list_units_by_patterns(sorted(gone)) if gone else ()
        running = [unit.name for unit in loaded if unit.active not in AT_REST]
        if excess:
            await clear_sandboxes(manager, excess, self.scope)
            remove_left([pod.remains for pod in excess], self.scope)
        dooms = [
            Doom(
                pod.name,
                tuple(pod.texts),
                (pod.object_key,) if pod.name in self.plan.vanished else (),
                disable=tuple(dict.fromkeys((pod.unit, pod.boot_unit))),
            )
            for pod in excess
        ]
        # Images were pulled since, and other pods brought up: meanwhile somebody may have stopped or started these.
        self.plan = self.plan.look_again(pods, await get_active_states(manager))
        # From here to the end of the write nothing is waited for: another rollout writes as well.
        found = compose(self.directory, texts, (*gone, *(unit for pod in excess for unit in pod.texts)))
        tasks = [*self._list_tasks({pod: found.after[pod] for pod in pods}, rollouts, running, staged), *dooms]
        self.directory.write(found.change, found.texts, self.state.list_exchanges(refreshed), tasks)
        self.state.commit_files(refreshed)
        self.state.commit_objects(staged)
        self._change = self._change.join(found.change)
        self._after.update({pod: found.after[pod] for pod in pods})

        async def tell() -> None:
            # Before the reload, by which systemd forgets how they are stopped.
            await manager.run_jobs(manager.stop_unit, running)
            await operate(Verb.STOP, manager, self._list_moved(pods), self.scope)
            self._unstopped |= await stop_again(manager, excess, self.scope)
            if not found.change.is_empty:
                await manager.reload()
            await enable(manager, scene.before, {pod: found.after[pod] for pod in pods}, scene.enabled)
            self.directory.unfinished.end("")
            if dooms:
                await forget(manager, self.directory, self.state, dooms)

        await _see_through(tell())

    def _list_moved(self, pods: Iterable[str]) -> list[InstalledPod]:
        """Of these pods those that are restarted with other makers: the new units could not stop what runs."""
        before = [pod for name in pods if (pod := self.plan.scene.before.get(name))]
        moved = [pod for pod in before if self._is_moved(pod.name)]
        jobs = {pod.job_unit for pod in before if pod.leads and self._decisions[pod.name].deed is Deed.RESTART}
        return [pod for pod in moved if self._decisions[pod.name].deed is Deed.RESTART or pod.job_unit in jobs]

    def _is_moved(self, name: str) -> bool:
        before = self.plan.scene.before.get(name)
        return before is not None and before.makers != self._after[name].makers

    def _list_left(self, pod: InstalledPod, *, whole: bool = True) -> tuple[str, ...]:
        """What a pod that was there has no longer, in words; if not of the `whole` pod of the units that are gone."""
        before = self.plan.scene.before.get(pod.name)
        if before and not whole:
            gone = {unit: text for unit, text in before.texts.items() if unit not in pod.texts}
            before = InstalledPod(pod.name, gone, tuple(one for one in before.containers if one.unit in gone))
        return before.remains.without(pod.remains).list_words() if before else ()

    def _list_tasks(
        self, pods: Mapping[str, InstalledPod], rollouts: Iterable[Rollout], gone: Sequence[str], keep: tuple[str, ...]
    ) -> list[Task]:
        """What comes after the change of these pods' files; '' is for what is no pod's own."""
        tasks: list[Task] = [Ask("", stop=tuple(gone), keep=keep)]
        for rollout in rollouts:
            for pod in (pods[name] for wave in rollout.waves for name in wave if name in pods):
                self._decisions[pod.name] = decision = self.plan.decide(pod, rollout)
                ask = list_asks(pod, decision)
                if ask.restart:
                    earlier = self._handed_over.get(pod.name, Ask(pod.name))
                    ask = replace(ask, left=(*earlier.left, *self._list_left(pod)))
                self._asks[pod.name] = ask
                rests, boots = list_boots(self.plan.scene.before, {pod.name: pod}, self.plan.scene.enabled)
                if ask != Ask(pod.name) or rests or boots:
                    tasks.append(replace(ask, disable=tuple(rests), enable=tuple(boots)))
        return tasks


async def _see_through(work: Coroutine[None, None, None]) -> None:
    """Do this to its end, even if whoever waits for it is told to stop."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
