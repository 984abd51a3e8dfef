"""Snapshots: what a plan changes, as it is and as it will be, and the way from a snapshot back to what is to be.

In: plans, installed pods, the state folder. Out: `Snapshot`s for `generations` to keep, `Wish`es for `planning`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from podunit.errors import PodunitError
from podunit.generations import Content, Snapshot
from podunit.installed import InstalledPod, list_pods
from podunit.load import is_referable, list_references, read_texts, translate_with_kept
from podunit.model import Pod
from podunit.planning import Plan, Wish
from podunit.record import record
from podunit.report import Report
from podunit.state import StateFolder
from podunit.workload import HISTORY_LIMIT, Workload


def find_key(pod: Pod) -> str:
    """The key of the object that a pod is made of: `Pod.web`, `Deployment.web`."""
    return pod.owner.key if pod.owner else f"Pod.{pod.name}"


def map_pods(plan: Plan) -> dict[str, str]:
    """The keys of all that a plan has to do with, by pod."""
    known = {pod.name: find_key(pod) for pod in plan.workload.pods}
    gone = {name for rollout in plan.rollouts for wave in rollout.excess for name in wave}
    return {**{name: plan.scene.before[name].object_key for name in gone}, **known}


def list_changed(plan: Plan) -> tuple[str, ...]:
    """The keys of all whose units or files a plan changes."""
    keys = map_pods(plan)
    return tuple(dict.fromkeys(keys[pod] for pod in _list_pods(plan)))


def list_changed_pods(plan: Plan, texts: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the pods that a plan changes those that are as it says, by the texts of all units, and those that are not."""
    there = list_pods(texts)
    new: list[str] = []
    old: list[str] = []
    for pod in _list_pods(plan):
        done = there[pod].texts == plan.scene.wanted.get(pod) if pod in there else pod not in plan.scene.wanted
        (new if done else old).append(pod)
    return tuple(new), tuple(old)


def _list_pods(plan: Plan) -> tuple[str, ...]:
    still = {name for rollout in plan.rollouts for name in (*rollout.held, *rollout.waiting)}
    before, wanted = plan.scene.before, plan.scene.wanted

    def changes(pod: str) -> bool:
        if pod not in wanted or pod not in before or pod in plan.refreshed:
            return True
        return before[pod].texts != wanted[pod]

    return tuple(pod for pod in map_pods(plan) if pod not in still and changes(pod))


def take(keys: Collection[str], pods: Iterable[InstalledPod], state: StateFolder) -> dict[str, Snapshot]:
    """What is there of these; a key of which there is nothing is left out."""
    contents: dict[str, dict[str, Content]] = {}
    for pod in pods:
        if pod.object_key in keys:
            content = Content(pod.texts, state.read_files(pod.name))
            contents.setdefault(pod.object_key, {})[pod.name] = content
    kept, places = state.read_objects(), state.read_places()
    texts = _Texts(state, {}, kept)
    found = {}
    for key in keys:
        if key in contents or (key in kept and not key.startswith("Pod.")):
            own = texts.find(key)
            found[key] = Snapshot(key, own, _pick(places, own), contents.get(key, {}))
    return found


def foresee_snapshots(
    plan: Plan, keys: Collection[str], state: StateFolder, places: Mapping[str, str]
) -> dict[str, Snapshot]:
    """What there will be of these once a plan is carried out."""
    held = {name for rollout in plan.rollouts for name in rollout.held}
    waiting = {name for rollout in plan.rollouts for name in rollout.waiting}
    contents: dict[str, dict[str, Content]] = {}
    for pod in plan.workload.pods:
        key = find_key(pod)
        if key not in keys or pod.name in waiting:
            continue
        content = Content(plan.scene.wanted[pod.name], plan.files[pod.name])
        if pod.name in held:
            content = Content(plan.scene.before[pod.name].texts, state.read_files(pod.name))
        contents.setdefault(key, {})[pod.name] = content
    limits = {one.owner.key: one.history_limit for one in plan.workload.controllers}
    known = (*plan.objects, *(name for name in state.read_objects() if name not in plan.objects))
    every = {**state.read_places(), **places}
    texts = _Texts(state, plan.objects, known)
    found = {}
    for key in keys:
        own = texts.find(key)
        if key in contents or key in limits:
            limit = limits.get(key, HISTORY_LIMIT)
            found[key] = Snapshot(key, own, _pick(every, own), contents.get(key, {}), limit)
    return found


def wish_for(snapshots: Iterable[Snapshot], report: Report, name: str, *, restarts: bool = False) -> Wish | None:
    """That all is as in these; None, and an error in the report, if their objects are none any more.

    `name` is what they are called in the report. What an owner holds back from a change is not held back from this,
    but from a restart.
    """
    snapshots = tuple(snapshots)
    contents = {pod: content for one in snapshots for pod, content in one.pods.items()}
    objects = {key: text for one in snapshots for key, text in one.objects.items()}
    for one in snapshots:
        if one.key not in objects:
            raise PodunitError(f"the object {one.key} is not kept here", "apply its file")
    documents = read_texts({f"{name}, {key}": text for key, text in objects.items()}, report)
    workload = translate_with_kept(documents, (), report)
    if workload is None:
        return None
    controllers = tuple(
        replace(one, pods=tuple(pod for pod in one.pods if pod in contents)) for one in workload.controllers
    )
    if not restarts:
        controllers = tuple(replace(one, paused=False, held=0) for one in controllers)
    pods = tuple(pod for pod in workload.pods if pod.name in contents)
    return Wish(
        Workload(pods, controllers=controllers),
        objects,
        {pod.name: contents[pod.name].texts for pod in pods},
        {pod.name: contents[pod.name].files for pod in pods},
        restarts,
    )


def list_shared(key: str, objects: Iterable[str], pods: Iterable[InstalledPod], state: StateFolder) -> dict[str, str]:
    """Of the objects to which one refers those to which another one refers as well, with its key."""
    others = {pod.object_key for pod in pods} - {key}
    texts = {other: state.read_object(other) or "" for other in sorted(others)}
    refs = [name for name in objects if name != key]
    return {name: other for other, text in texts.items() for name in list_references(text, refs)}


@record
class PodChange:
    """In what a pod differs from one snapshot to another: names of units, and paths that they read."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    files: tuple[str, ...]


def compare(before: Snapshot | None, after: Snapshot) -> dict[str, PodChange]:
    """In what the pods differ, without those that do not."""
    earlier = before.pods if before else {}
    empty = Content({})
    found = {}
    for pod in dict.fromkeys((*earlier, *after.pods)):
        old, new = earlier.get(pod, empty), after.pods.get(pod, empty)
        change = PodChange(
            tuple(sorted(new.texts.keys() - old.texts.keys())),
            tuple(sorted(name for name in new.texts.keys() & old.texts.keys() if new.texts[name] != old.texts[name])),
            tuple(sorted(old.texts.keys() - new.texts.keys())),
            tuple(sorted(path for path in {*old.files, *new.files} if old.files.get(path) != new.files.get(path))),
        )
        if any((change.created, change.updated, change.removed, change.files)):
            found[pod] = change
    return found


def _pick(places: Mapping[str, str], objects: Iterable[str]) -> dict[str, str]:
    return {name: places[name] for name in objects if name in places}


class _Texts:
    """The texts of objects, each read once: those that are coming, or those that are kept; `every` names both."""

    def __init__(self, state: StateFolder, coming: Mapping[str, str], every: Iterable[str]) -> None:
        self._state = state
        self._known: dict[str, str | None] = dict(coming)
        # Few of thousands.
        self._referable = tuple(filter(is_referable, every))

    def find(self, key: str) -> dict[str, str]:
        """An object and all that it refers to, and that these refer to, by `KIND.NAME`."""
        found: dict[str, str] = {}
        left = [key]
        while left:
            name = left.pop()
            text = self._read(name)
            if text is not None and name not in found:
                found[name] = text
                left += list_references(text, self._referable)
        return found

    def _read(self, name: str) -> str | None:
        if name not in self._known:
            self._known[name] = self._state.read_object(name)
        return self._known[name]
