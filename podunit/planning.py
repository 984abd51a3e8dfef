"""What an apply comes to, found out without changing anything: for apply itself, for diff and for dry runs.

In: a workload, the unit directory, the state folder, a manager that is only asked. Out: a `Plan`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path

from podunit.bringup import PodOutcome
from podunit.bundles import Bundles, forget_images, require_crun, restore_images
from podunit.chosen import Engine
from podunit.dependencies import find_dependents, refuse_dependencies
from podunit.drift import Drift
from podunit.engines.nfs import list_network_directories
from podunit.errors import PodunitError
from podunit.files import read_static_units
from podunit.generate import generate_files, generate_parent, generate_pod
from podunit.host import find_target, require_nfs, require_root
from podunit.install import Change, UnitDirectory
from podunit.installed import InstalledPod, list_pods, list_reinstalled
from podunit.manager import Manager
from podunit.model import Pod
from podunit.names import PARENT_SLICE, pod_unit, timer_unit
from podunit.plan import IN_TURN, Decision, Deed, add_engine, add_limits, decide, decide_once
from podunit.record import record
from podunit.render import render
from podunit.rollout import Rollout, Scene, plan_rollouts, refuse_strangers
from podunit.scope import Scope, generated_directory
from podunit.specs import find_file
from podunit.state import StateFolder
from podunit.states import get_active_states
from podunit.surroundings import Surroundings, find_moved
from podunit.target import Target
from podunit.workload import Workload

HELD = "kept as it is by its owner"
LASTING = "kept as it is while it runs: other units could not stop it"
WAITING = "not created: its owner is paused"
DELETED = ("stopped", "deleted")
# Objects of these kinds the pods tell of.
TOLD_BY_PODS = ("Pod", "Job", "CronJob")


@record
class GoneBack:
    """What an apply has undone again: the generation before, 0 for one that is not known, and what had failed."""

    generation: int
    failed: tuple[PodOutcome, ...]
    reason: str


@record
class Outcome:
    """What a command has done: to each pod, to the unit files, and to the objects kept, by `KIND.NAME`.

    `drift` is what others have done to networks and volumes, by pod.
    """

    pods: tuple[PodOutcome, ...]
    change: Change = field(default_factory=Change)
    objects: Mapping[str, str] = field(default_factory=dict)
    gone_back: GoneBack | None = None
    drift: Mapping[str, tuple[Drift, ...]] = field(default_factory=dict)


@record
class Wish:
    """What is to be on the machine: pods and their owners, and by pod the texts of its units and what they read.

    `objects` are kept for later, by `KIND.NAME`. With `restarts` all pods that run are restarted. Pods in `fallen` are
    to run and are not up, though nobody has stopped them: they are stopped and started.
    """

    workload: Workload
    objects: Mapping[str, str]
    texts: Mapping[str, Mapping[str, str]]
    files: Mapping[str, Mapping[str, bytes]]
    restarts: bool = False
    fallen: frozenset[str] = frozenset()


@record
class Plan:
    """What an apply goes by: the pods as they are and as they are to be, and in which order they are rolled out.

    `objects` are kept for later, by `KIND.NAME`; `files` are what units read, by pod, and `refreshed` the paths that
    differ. `states` are active states of handles and timers. `vanished` are pods that the spec folder has no longer, by
    name, with the reason; they are removed if the plan `prunes`. Pods that run are restarted if it `restarts`, and
    `followers` with the pods that they depend on, which are given. `moved` are networks and volumes that are not as the
    pods have found them.
    """

    workload: Workload
    objects: Mapping[str, str]
    scene: Scene
    rollouts: tuple[Rollout, ...]
    files: Mapping[str, Mapping[str, bytes]]
    refreshed: Mapping[str, frozenset[str]]
    states: Mapping[str, str]
    vanished: Mapping[str, str]
    prunes: bool
    restarts: bool = False
    followers: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, tuple[Drift, ...]] = field(default_factory=dict)

    def decide(self, pod: InstalledPod, rollout: Rollout) -> Decision:
        """What is done with a pod once its files are in place."""
        decision = self._decide_alone(pod, rollout)
        follows = pod.name in self.followers and self.scene.runs(pod.name)
        if follows and decision.deed in (Deed.NOTHING, Deed.RESTART_CONTAINERS):
            return Decision(Deed.RESTART, (decision.done[0], "restarted"), (self.tell_why(pod.name),))
        return decision

    def tell_why(self, follower: str) -> str:
        """Why a pod is restarted that depends on another."""
        return f"it depends on pod {self.followers[follower]}, which is restarted"

    @property
    def others(self) -> tuple[str, ...]:
        """Pods that are restarted with the pods that they depend on, and are none of those that are rolled out."""
        rolled = {name for rollout in self.rollouts for wave in (*rollout.waves, *rollout.excess) for name in wave}
        return tuple(name for name in self.followers if name not in rolled)

    def follow(self) -> Plan:
        """The plan with all that is restarted because of something else that is."""
        scene = self.scene
        after = {
            **scene.before,
            **list_pods({unit: text for own in scene.wanted.values() for unit, text in own.items()}),
        }
        down = [
            name
            for rollout in self.rollouts
            for wave in rollout.waves
            for name in wave
            if scene.runs(name)
            and (name in rollout.replaced or self._decide_alone(after[name], rollout).deed is Deed.RESTART)
        ]
        running = {name: pod for name, pod in after.items() if scene.runs(name)}
        return replace(self, followers=find_dependents(down, running)) if down else self

    def look_again(self, pods: Iterable[str], states: Mapping[str, str]) -> Plan:
        """The plan for these pods as they are now, by the active states of handles.

        A run of a Job stays what it was found to be, and so does what is stopped by the plan itself.
        """
        replaced = {name for rollout in self.rollouts for name in rollout.replaced}
        before = self.scene.before
        found = {
            name: states[pod_unit(name)]
            for name in pods
            if name in before and name not in replaced and not (before[name].runs_once or before[name].timer)
        }
        return replace(self, scene=replace(self.scene, states={**self.scene.states, **found}))

    def _decide_alone(self, pod: InstalledPod, rollout: Rollout) -> Decision:
        decision = self._decide_with_its_engine(pod, rollout)
        return add_engine(decision, pod, self.scene.before.get(pod.name))

    def _decide_with_its_engine(self, pod: InstalledPod, rollout: Rollout) -> Decision:
        name, scene = pod.name, self.scene
        if name in rollout.spared:
            decision = Decision(Deed.NOTHING, ("changed", "not restarted"))
            return add_limits(decision, pod, scene.before.get(name), scene.states[name])
        if pod.runs_once and name in self.workload.concerned:
            # What a Job refers to has changed, and the Job has not: it finds that when it next runs.
            return Decision(Deed.NOTHING, ("unchanged",))
        if pod.job_unit:
            decision = self._decide_in_turn(pod, pod.job_unit)
            return add_limits(decision, pod, scene.before.get(name), scene.states[name])
        is_replaced = name in rollout.replaced
        if self.restarts and scene.runs(name):
            return Decision(Deed.RESTART, ("restarted",), ("a restart was asked for",))
        return decide(
            pod,
            scene.before.get(name),
            self.refreshed.get(name, ()),
            "inactive" if is_replaced else scene.states[name],
            self.states[timer_unit(name)],
            start_stopped=is_replaced or scene.start_stopped,
        )

    def _decide_in_turn(self, pod: InstalledPod, job: str) -> Decision:
        """The first pod of a Job starts it, if any of its pods is new or changed."""
        scene = self.scene
        word = "created" if pod.name not in scene.before else "changed" if scene.alters(pod.name) else "unchanged"
        if not pod.leads:
            return Decision(Deed.NOTHING, (word, IN_TURN))
        names = [one.name for one in self.workload.pods if str(one.owner) == pod.owner]
        new = [f"pod {name} is new" for name in names if name not in scene.before]
        changed = [f"pod {name} differs" for name in names if scene.changes(name)]
        state = self.states[job]
        due = bool(new or changed) or (scene.start_stopped and state in ("inactive", "failed"))
        return replace(decide_once(pod, word, state, (*new, *changed), due), unit=job)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is written, started or stopped, whatever pods that are waited for may do meanwhile."""
        scene = self.scene
        if any(pod.engine is Engine.CRUN for pod in self.workload.pods):
            # No file tells whether their images have changed.
            return False
        if (
            self.refreshed
            or self.moved
            or any(rollout.excess or rollout.lasting or rollout.deadline_sec is not None for rollout in self.rollouts)
        ):
            return False
        named = ((name, rollout) for rollout in self.rollouts for wave in rollout.waves for name in wave)
        return all(
            name in scene.before
            and scene.before[name].texts == scene.wanted[name]
            and self.decide(scene.before[name], rollout).deed is Deed.NOTHING
            for name, rollout in named
        )

    def list_running(self, pod: InstalledPod) -> tuple[str, ...]:
        """What of a pod is to be started for it to be again as it is now, had it been stopped."""
        up, states = ("active", "activating", "reloading"), self.states
        if pod.timer and states[pod.timer] in up:
            return (pod.timer,)
        if pod.job_unit:
            return (pod.job_unit,) if pod.leads and states[pod.job_unit] in up else ()
        state = self.scene.states[pod.name]
        return (pod.unit,) if state in up or not (pod.runs_once or state == "inactive") else ()

    def list_starting(self) -> Iterator[tuple[Pod, frozenset[str]]]:
        """The pods that are started, restarted or scheduled, each with the names of its containers that start then.

        Not those that start from bundles, which have their images.
        """
        pods = {pod.name: pod for pod in self.workload.pods}
        decided = {}
        for rollout in self.rollouts:
            for name in (name for wave in rollout.waves for name in wave):
                before, wanted = self.scene.before.get(name), self.scene.wanted[name]
                # To read it back takes longer than to compare it.
                installed = before if before and before.texts == wanted else list_pods(wanted)[name]
                decided[name] = (installed, self.decide(installed, rollout))
        jobs = {pod.job_unit for pod, decision in decided.values() if decision.unit and decision.deed is Deed.RESTART}
        for name, (pod, decision) in decided.items():
            whole = decision.deed in (Deed.START, Deed.RESTART, Deed.SCHEDULE) or decision.then_starts
            in_turn = IN_TURN in decision.done and pod.job_unit in jobs
            starting = pod.containers if whole or in_turn else decision.containers
            if starting and pods[name].engine is Engine.PODMAN:
                yield pods[name], frozenset(container.name for container in starting)

    def stays_stopped(self, name: str, rollout: Rollout) -> bool:
        """Whether a pod was stopped by somebody, and is left so."""
        scene = self.scene
        starts = scene.start_stopped or name in rollout.replaced
        return name in scene.before and scene.states[name] == "inactive" and not starts

    def tell(self, done: Outcome) -> Outcome:
        """An outcome as the user is told: in the order of the input, without what nobody has asked about."""
        workload = self.workload
        left = () if self.prunes else self.vanished.items()
        missed = tuple(PodOutcome(pod, (f"{why}; remove it with --prune",)) for pod, why in left)
        places = {pod.name: place for place, pod in enumerate(workload.pods)}
        told = [it for it in done.pods if it.pod not in workload.concerned or it.done != ("unchanged",)]
        return Outcome(
            (*sorted(told, key=lambda outcome: places.get(outcome.pod, len(places))), *missed),
            done.change,
            leave_out_owners(done.objects, workload),
            drift=done.drift or self.moved,
        )


def leave_out_owners(words: Mapping[str, str], workload: Workload) -> dict[str, str]:
    """What is said of objects, by `KIND.NAME`, without those that own pods: the pods tell of them."""
    owners = {one.owner.key for one in workload.controllers if one.pods}
    return {key: word for key, word in words.items() if key not in owners}


def make_units(workload: Workload, scope: Scope, target: Target) -> dict[str, dict[str, str]]:
    """The texts of all units of each pod, by their names."""
    return {pod.name: {unit.name: render(unit) for unit in generate_pod(pod, scope, target)} for pod in workload.pods}


async def plan_apply(
    workload: Workload,
    objects: Mapping[str, str],
    directory: UnitDirectory,
    state: StateFolder,
    manager: Manager,
    scope: Scope,
    *,
    start_stopped: bool,
    folder: Path | None = None,
    prune: bool = False,
    makes: bool = False,
) -> Plan:
    """The plan; PodunitError if anything is in its way.

    Bundles of pods are made, of images that are there, if it `makes` what is missing.
    With a `folder` the workload is all that it describes: pods that came from there and are not in it have vanished.
    """
    target = await find_target(manager)
    require_nfs((pod.name for pod in workload.pods if list_network_directories(pod)), scope)
    texts = make_units(workload, scope, target)
    require_root(workload.pods, scope, target)
    require_crun(workload.pods, target)
    bundles = Bundles(state.path, target.podman_text)
    find_bundles = bundles.make if makes else bundles.foresee
    try:
        files = {pod.name: {**generate_files(pod), **find_bundles(pod)} for pod in workload.pods}
        wish = Wish(workload, objects, texts, files)
        return await plan_wish(wish, directory, state, manager, start_stopped=start_stopped, folder=folder, prune=prune)
    except PodunitError:
        if makes:
            forget_images(state.path)
        raise


async def plan_wish(
    wish: Wish,
    directory: UnitDirectory,
    state: StateFolder,
    manager: Manager,
    *,
    start_stopped: bool = False,
    folder: Path | None = None,
    prune: bool = False,
) -> Plan:
    """As `plan_apply`, for pods that are files already."""
    workload, wanted = wish.workload, wish.texts
    restore_images(wish.files.values(), state.path)
    installed = directory.read()
    before = list_pods(installed)
    refuse_strangers(workload.pods, before)
    refuse_dependencies(workload.pods, before)
    # Whatever is in the way is found before anything is changed.
    texts = {name: text for own in (read_static_units(), *wanted.values()) for name, text in own.items()}
    directory.plan(texts, installed=installed)
    states = await get_active_states(manager)
    handles = {pod: states[pod_unit(pod)] for pod in {**wanted, **before}}
    _refuse_generated(wanted, before, handles, manager.scope)
    handles.update((pod, "failed") for pod in wish.fallen)
    refreshed = state.compare_files(wish.files)
    touched = frozenset(wanted) if wish.restarts else frozenset(refreshed)
    enabled = await manager.list_enabled(list_reinstalled(before, wanted))
    scene = Scene(before, handles, wanted, touched, start_stopped, enabled)
    rollouts = tuple(_stop_first(rollout, wish.fallen) for rollout in plan_rollouts(workload, scene))
    known = {*wanted, *(name for rollout in rollouts for wave in rollout.excess for name in wave)}
    rest = [pod for name, pod in before.items() if name not in known]
    vanished = _find_vanished(rest, state.read_places(), folder) if folder else {}
    if prune and vanished:
        rollouts = (Rollout((), excess=(tuple(vanished),)), *rollouts)
    moved = await find_moved(manager, [before[pod] for pod in wanted if pod in before], Surroundings(state.path).read())
    plan = Plan(workload, wish.objects, scene, rollouts, wish.files, refreshed, states, vanished, prune, wish.restarts)
    return replace(plan, moved=moved).follow()


def _refuse_generated(
    wanted: Mapping[str, Mapping[str, str]], before: Mapping[str, InstalledPod], states: Mapping[str, str], scope: Scope
) -> None:
    """PodunitError if a pod runs as podunit-generator has made it, and is to become another: then it has to end first.

    Once it is installed nobody would know any more what it was, and has to be stopped.
    """
    generated = list_pods(UnitDirectory(generated_directory(scope)).read())
    for name, texts in wanted.items():
        runs = name not in before and name in generated and states[name] in ("active", "activating")
        if runs and generated[name].texts != texts:
            message = f"pod {name} runs as podunit-generator has made it, and its YAML says something else"
            raise PodunitError(message, f"stop it before: systemctl stop {pod_unit(name)}")


def _stop_first(rollout: Rollout, fallen: Collection[str]) -> Rollout:
    """The rollout, with these of its pods stopped before it begins."""
    own = tuple(name for wave in rollout.waves for name in wave if name in fallen and name not in rollout.replaced)
    return replace(rollout, replaced=(*rollout.replaced, *own)) if own else rollout


def _find_vanished(pods: Iterable[InstalledPod], places: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Of these pods those that were read in the folder, and what has become of their files."""
    found = {}
    for pod in pods:
        file = find_file(places.get(pod.object_key, ""))
        if file and file.parent == folder.absolute():
            found[pod.name] = f"it is not in {file} any more" if file.exists() else f"its file {file} is gone"
    return found


async def choose_files(
    manager: Manager, scene: Scene, pods: Iterable[str], rollouts: Iterable[Rollout]
) -> tuple[dict[str, str], set[str]]:
    """The texts of the units that are to be there when these pods are installed, and the names of those that go."""
    pods = tuple(pods)
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
    return texts, gone


@record
class Composition:
    """The unit directory as it is to be: what is there, the texts that are written, the change, all pods after it."""

    before: Mapping[str, str]
    texts: Mapping[str, str]
    change: Change
    after: Mapping[str, InstalledPod]


def compose(directory: UnitDirectory, texts: Mapping[str, str], gone: Iterable[str]) -> Composition:
    """What is to be written so that these texts are there and those names are gone; the slice of all pods follows."""
    gone = set(gone)
    before = directory.read()
    after = list_pods({name: text for name, text in {**before, **texts}.items() if name not in gone})
    low = sum(pod.memory_low_bytes for pod in after.values())
    parent = {PARENT_SLICE: render(generate_parent(low))} if low else {}
    texts = {**texts, **parent}
    change = directory.plan(texts, (*gone, *({PARENT_SLICE} - parent.keys())), before)
    return Composition(before, texts, change, after)
