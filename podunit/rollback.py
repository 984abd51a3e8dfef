"""A plan carried out with its record: kept as a generation, and undone if that is asked for and a pod is not up.

In: a `Plan`, and how it came to be. Out: an `Outcome`. What is kept is for `generations`, what is done for `deploy`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from podunit import deletion, deploy, operating
from podunit.bringup import PodOutcome
from podunit.errors import PodunitError
from podunit.generations import Fate, Generation, Generations, Origin, Snapshot
from podunit.host import list_known_images
from podunit.install import UnitDirectory
from podunit.installed import list_pods
from podunit.manager import Manager
from podunit.names import pod_unit
from podunit.planning import GoneBack, Outcome, Plan, plan_wish
from podunit.record import record
from podunit.report import Report
from podunit.scope import Scope
from podunit.snapshots import foresee_snapshots, list_changed, map_pods, take, wish_for
from podunit.state import StateFolder


@record
class Machine:
    """All that a plan changes; whoever has it holds the lock of the unit directory. `tell` prints a line on the way."""

    directory: UnitDirectory
    state: StateFolder
    generations: Generations
    manager: Manager
    scope: Scope
    tell: Callable[[str], None] = lambda _: None


async def carry_out(
    plan: Plan,
    machine: Machine,
    origin: Origin,
    places: Mapping[str, str],
    *,
    atomic: bool = False,
    timeout_sec: float | None = None,
    since: float = 0.0,
) -> Outcome:
    """As `deploy.apply`; what changes the units or files of pods becomes a generation.

    With `atomic` all is as before if a pod does not come up, or not all of them within the timeout, which counts from a
    time of the monotonic clock.
    """
    until = None if timeout_sec is None else since + timeout_sec
    keys = list_changed(plan)
    if not keys:
        async with asyncio.timeout_at(until):
            return await _apply(plan, machine, places)
    attempt = _Attempt(plan, machine, keys, atomic=atomic)
    attempt.begin(origin, places)
    failed: tuple[PodOutcome, ...] = ()
    try:
        async with asyncio.timeout_at(until):
            done = await _apply(plan, machine, places)
    except TimeoutError:
        if not atomic:
            raise
        reason = f"not all is up within {timeout_sec:g} s"
    except PodunitError as error:
        if not atomic:
            attempt.conclude((), Fate.FAILED)
            raise
        reason = error.message
    else:
        failed = tuple(outcome for outcome in done.pods if outcome.job)
        if not (failed and atomic):
            attempt.conclude(failed, Fate.DONE)
            return done
        reason = ", ".join(f"pod '{outcome.pod}' is not {outcome.aim}" for outcome in failed)
    return replace(await attempt.go_back(), gone_back=GoneBack(attempt.find_earlier(), failed, reason))


class _Attempt:
    """One plan under way, and what is known of the time before."""

    def __init__(self, plan: Plan, machine: Machine, keys: tuple[str, ...], *, atomic: bool) -> None:
        self._plan = plan
        self._machine = machine
        self._keys = keys
        known = {key for one in machine.generations.read() for key in one.revisions}
        self._unknown = [key for key in keys if key not in known]
        pods = plan.scene.before.values()
        self._before = take(keys if atomic else self._unknown, pods, machine.state)
        self._objects = {name: machine.state.read_object(name) for name in plan.objects} if atomic else {}
        self._places = machine.state.read_places()
        self._snapshots: Mapping[str, Snapshot] = {}
        self._generation: Generation | None = None

    def begin(self, origin: Origin, places: Mapping[str, str]) -> None:
        """Keep what is to come; before that what is there, where nothing is known of it."""
        generations = self._machine.generations
        if first := [self._before[key] for key in self._unknown if key in self._before]:
            found = generations.begin(replace(origin, command="", message="as it was found"), first)
            generations.conclude(found, dict.fromkeys(found.revisions, Fate.DONE), {})
        self._snapshots = foresee_snapshots(self._plan, self._keys, self._machine.state, places)
        if self._snapshots:
            self._generation = generations.begin(origin, self._snapshots.values())

    def conclude(self, failed: Iterable[PodOutcome], fate: Fate) -> None:
        """Say what became of it: that of all but what has a pod that failed."""
        keys = map_pods(self._plan)
        worse = {keys.get(outcome.pod) for outcome in failed}
        fates = {key: Fate.FAILED if key in worse else fate for key in self._snapshots}
        generations = self._machine.generations
        if self._generation:
            known = list_known_images() if fate is Fate.DONE else {}
            images = {key: _find_images(one, known) for key, one in self._snapshots.items()}
            generations.conclude(self._generation, fates, images)
        if any(rollout.excess for rollout in self._plan.rollouts) or fate is Fate.GONE_BACK:
            generations.forget(self._machine.state.read_objects().keys())

    def find_earlier(self) -> int:
        """The generation before this one, 0 for none."""
        own = self._generation.number if self._generation else 0
        every = self._machine.generations.read()
        earlier = [
            one.number
            for one in every
            if one.number < own and any(it.fate is not Fate.GONE_BACK for it in one.revisions.values())
        ]
        return max(earlier, default=0)

    async def go_back(self) -> Outcome:
        """Let all be as before: units, files, objects, and what runs."""
        machine, scene = self._machine, self._plan.scene
        keys = map_pods(self._plan)
        there = list_pods(machine.directory.read())
        new = [pod for pod in there.values() if keys.get(pod.name) in self._keys and pod.name not in scene.before]
        # Those of an owner that was there go as what it has too much of.
        alone = [pod for pod in new if keys[pod.name] not in self._before]
        deleted = await deletion.delete(
            machine.manager,
            machine.directory,
            machine.state,
            alone,
            [name for name, text in self._objects.items() if text is None],
            machine.scope,
            volumes=False,
        )
        done = await self._restore() if self._before else Outcome(())
        started = await self._start_fallen()
        self.conclude((), Fate.GONE_BACK)
        pods = (*deleted.pods, *done.pods, *started.pods)
        return Outcome(pods, deleted.change.join(done.change))

    async def _restore(self) -> Outcome:
        machine, states = self._machine, self._plan.scene.states
        report = Report()
        wish = wish_for(self._before.values(), report, "the generation before")
        if wish is None:
            raise PodunitError(f"going back is not possible: {report.problems[0]}", "apply what is to run")
        # What nobody has stopped is to run again, in whatever state it has got.
        ran = [
            pod.name for pod in wish.workload.pods if states[pod.name] != "inactive" and not (pod.run or pod.schedule)
        ]
        objects = {name: text for name, text in self._objects.items() if text is not None}
        wish = replace(wish, objects=objects, fallen=await find_fallen(machine.manager, ran))
        plan = await plan_wish(wish, machine.directory, machine.state, machine.manager)
        return await _apply(plan, machine, {name: self._places.get(name, "") for name in objects})

    async def _start_fallen(self) -> Outcome:
        """Start the other pods that were up, and went down with what failed."""
        machine, scene = self._machine, self._plan.scene
        others = [
            pod
            for name, pod in scene.before.items()
            if scene.states[name] == "active" and pod.object_key not in self._keys and not pod.runs_once
        ]
        fallen = await find_fallen(machine.manager, [pod.name for pod in others])
        again = [pod for pod in others if pod.name in fallen]
        return await operating.operate(operating.Verb.START, machine.manager, again, machine.scope)


async def find_fallen(manager: Manager, pods: Iterable[str], up: Collection[str] = ("active",)) -> frozenset[str]:
    """Of these pods those whose handle is in another state than these."""
    units = {pod_unit(pod): pod for pod in pods}
    found = await manager.list_units_by_patterns(units) if units else ()
    states = {units[unit.name]: unit.active for unit in found}
    return frozenset(pod for pod in units.values() if states.get(pod, "inactive") not in up)


async def _apply(plan: Plan, machine: Machine, places: Mapping[str, str]) -> Outcome:
    return await deploy.apply(
        plan, machine.directory, machine.state, machine.manager, machine.scope, places, machine.tell
    )


def _find_images(snapshot: Snapshot, known: Mapping[str, str]) -> dict[str, str]:
    texts = {name: text for content in snapshot.pods.values() for name, text in content.texts.items()}
    images = {one.image for pod in list_pods(texts).values() for one in pod.containers}
    return {image: known[image] for image in sorted(images) if image in known}
