"""Pods in a tree that is not running: their units are installed and enabled there, and start when it boots.

In: a workload, the unit directory and the state folder in the tree. Out: an `Outcome`. Asks no systemd and no podman.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

from podunit.bringup import PodOutcome
from podunit.calls import call
from podunit.chosen import Engine
from podunit.dependencies import refuse_dependencies
from podunit.engines.nfs import list_network_directories
from podunit.errors import PodunitError
from podunit.files import find_prober_below, read_static_units
from podunit.generate import generate_files
from podunit.host import require_nfs, require_root
from podunit.install import UnitDirectory
from podunit.installed import InstalledPod, list_boots, list_pods, list_reinstalled
from podunit.planning import DELETED, HELD, WAITING, Outcome, compose, leave_out_owners, make_units
from podunit.rollout import Scene, plan_rollouts, refuse_strangers
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.target import Target
from podunit.unfinished import Ask
from podunit.workload import Workload

_PROBER_SOCKET = "podunit-prober.socket"
_TIMEOUT_SEC = 60
_SYSTEMCTL = Path("/usr/bin/systemctl")


def require_enabling() -> None:
    """PodunitError where nothing can enable units in a tree."""
    if not _SYSTEMCTL.exists():
        raise PodunitError(f"there is no {_SYSTEMCTL}, which enables units in a tree", "install systemd here as well")


def complete(directory: UnitDirectory, state: StateFolder, root: Path) -> None:
    """Keep and enable what an apply to this tree has left that died; the rest is for podunit in the booted tree."""
    unfinished = directory.unfinished
    for task in unfinished.read().values():
        if not isinstance(task, Ask):
            continue
        state.commit_objects(task.keep)
        _call(root, "disable", task.disable)
        _call(root, "enable", task.enable)
        rest = replace(task, keep=(), disable=(), enable=())
        if rest == Ask(task.pod):
            unfinished.end(task.pod)
        elif rest != task:
            unfinished.note([rest])
    state.discard_files()
    unfinished.clear()


def install(
    workload: Workload,
    objects: Mapping[str, str],
    places: Mapping[str, str],
    directory: UnitDirectory,
    state: StateFolder,
    target: Target,
    root: Path,
    *,
    dry_run: bool = False,
) -> Outcome:
    """Install and enable pods below `root` as an apply would when nothing of them ran; PodunitError if that cannot be.

    `places` are where objects will have been read once the tree is /. A dry run says what would be done.
    """
    for pod in workload.pods:
        if pod.engine is Engine.CRUN:
            origin = pod.engine_origin
            hint = f"apply it once the tree has booted, or leave out {origin.remedy}"
            message = f"pod {pod.name}: {origin.words}: podman, which says how crun runs it, does not run in a tree"
            raise PodunitError(message, hint)
    require_nfs((pod.name for pod in workload.pods if list_network_directories(pod)), Scope.SYSTEM, root)
    require_root(workload.pods, Scope.SYSTEM, target, root)
    wanted = make_units(workload, Scope.SYSTEM, target)
    files = {pod.name: generate_files(pod) for pod in workload.pods}
    before = list_pods(directory.read())
    refuse_strangers(workload.pods, before)
    refuse_dependencies(workload.pods, before)
    changed = state.compare_files(files)
    states = dict.fromkeys((*before, *wanted), "inactive")
    rollouts = plan_rollouts(workload, Scene(before, states, wanted, frozenset(changed), start_stopped=False))
    excess = [before[name] for rollout in rollouts for wave in rollout.excess for name in wave]
    pods = [name for rollout in rollouts for wave in rollout.waves for name in wave]
    own = {unit: text for name in pods for unit, text in wanted[name].items()}
    prober = find_prober_below(root)
    if prober is None and any(_PROBER_SOCKET in text for text in own.values()):
        hint = f"install podunit in the tree, as with pip install --root={root}"
        raise PodunitError(f"there is no podunit-prober in {root}, which runs the probes and hooks of pods", hint)
    texts = {**read_static_units(prober or Path("/usr/local/bin/podunit-prober")), **own}
    old = [before[name] for name in pods if name in before]
    gone = [unit for pod in (*old, *excess) for unit in pod.texts if unit not in texts]
    found = compose(directory, texts, gone)
    after = {name: found.after[name] for name in pods}
    said = [_tell(name, before.get(name), pod, changed=name in changed) for name, pod in after.items()]
    for names, word in ((it, word) for one in rollouts for it, word in ((one.held, HELD), (one.waiting, WAITING))):
        said += [PodOutcome(name, (word,)) for name in names]
    outcomes = (*said, *(PodOutcome(pod.name, DELETED[1:]) for pod in excess))
    if dry_run:
        return Outcome(outcomes, found.change, leave_out_owners(state.compare_objects(objects), workload))
    rests, boots = list_boots(before, after, _list_enabled(root, list_reinstalled(before, wanted)))
    # While it is there to be read what it is enabled for.
    _call(root, "disable", [*rests, *(pod.boot_unit for pod in excess if pod.boots)])
    refreshed = state.stage_files({name: files[name] for name in pods})
    words = state.compare_objects(objects)
    staged = state.stage_objects(objects, places)
    ask = Ask("", keep=staged, enable=tuple(boots))
    directory.write(found.change, found.texts, state.list_exchanges(refreshed), [ask] if ask != Ask("") else [])
    state.commit_files(refreshed)
    state.commit_objects(staged)
    state.keep_places(places)
    state.discard_files()
    state.forget_files(pod.name for pod in excess)
    _call(root, "enable", boots)
    directory.unfinished.end("")
    directory.unfinished.clear()
    return Outcome(outcomes, found.change, leave_out_owners(words, workload))


def _tell(name: str, before: InstalledPod | None, after: InstalledPod, *, changed: bool) -> PodOutcome:
    word = "created" if before is None else "changed" if changed or before.texts != after.texts else "unchanged"
    if word == "unchanged":
        return PodOutcome(name, (word,))
    if after.runs_once and not after.timer:
        return PodOutcome(name, (word, "runs when it is started"))
    return PodOutcome(name, (word, "starts at boot") if after.boots else (word,))


def _list_enabled(root: Path, units: Iterable[str]) -> frozenset[str]:
    return frozenset(unit for unit in units if _run(root, "is-enabled", unit).stdout == "enabled\n")


def _call(root: Path, verb: str, units: Iterable[str]) -> None:
    units = tuple(units)
    if not units:
        return
    done = _run(root, verb, "--quiet", *units)
    if done.returncode:
        raise PodunitError(f"systemctl could not {verb} {', '.join(units)} in {root}: {done.stderr.strip()}")


def _run(root: Path, verb: str, *arguments: str) -> CompletedProcess[str]:
    return call((str(_SYSTEMCTL), f"--root={root}", verb, *arguments), _TIMEOUT_SEC)
