"""Pods that go: stopped and disabled, and all removed that is podunit's; their claims only if that is asked for.

In: installed pods, the unit directory, the state folder, a manager. Out: an `Outcome`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podunit.bringup import AT_REST, PodOutcome
from podunit.bundles import forget_images
from podunit.files import read_static_units
from podunit.host import remove_claims, remove_remains
from podunit.install import Change, UnitDirectory
from podunit.installed import InstalledPod, Remains, list_pods
from podunit.manager import Manager
from podunit.names import mend_unit, sandbox_unit
from podunit.operating import Verb, operate
from podunit.planning import DELETED, Outcome, compose
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.surroundings import Surroundings
from podunit.unfinished import Doom


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
    stopped = [pod for pod in pods if pod.name not in failed]
    await clear_sandboxes(manager, stopped, scope)
    change = await _remove_units(manager, directory, stopped, scope)
    again = await stop_again(manager, stopped, scope)
    gone = await forget(manager, directory, state, [doom for doom in dooms if doom.pod not in failed])
    deleted = (
        outcome if outcome.job else again.get(outcome.pod, PodOutcome(outcome.pod, DELETED)) for outcome in outcomes
    )
    return Outcome(tuple(deleted), change, dict.fromkeys((key for key in gone if key in objects), "deleted"))


async def clear_sandboxes(manager: Manager, pods: Iterable[InstalledPod], scope: Scope) -> None:
    """Remove what a killed stop has left of the sandboxes of these pods: a start does that, and stops unneeded."""
    left = [pod.name for pod in pods if (scope.runtime_directory / f"podunit/{pod.name}_sandbox").exists()]
    if left:
        await manager.run_jobs(manager.start_unit, map(sandbox_unit, left))
        # One that has not come up is no reason to start the pod.
        await manager.run_jobs(manager.stop_unit, [*map(mend_unit, left), *map(sandbox_unit, left)])


async def stop_again(manager: Manager, pods: Iterable[InstalledPod], scope: Scope) -> dict[str, PodOutcome]:
    """Stop what somebody has started since these pods were stopped; the outcomes of those that did not stop.

    Their files are gone, so that nothing more is started, and systemd has not been told, so that it knows how to stop.
    """
    names: dict[str, InstalledPod] = {}
    for pod in pods:
        own = [pod.job_unit] if pod.leads and pod.job_unit else []
        units = (pod.unit, sandbox_unit(pod.name), *(container.unit for container in pod.containers), *own)
        names.update(dict.fromkeys(units, pod))
    # Without a pattern systemd lists all that it knows.
    found = await manager.list_units_by_patterns(names) if names else ()
    up = {names[unit.name].name: names[unit.name] for unit in found if unit.active not in AT_REST or unit.job}
    if not up:
        return {}
    outcomes = (await operate(Verb.STOP, manager, up.values(), scope, with_timers=True)).pods
    remove_left([pod.remains for pod in up.values()], scope)
    return {outcome.pod: outcome for outcome in outcomes if outcome.job}


def remove_left(left: Iterable[Remains], scope: Scope) -> None:
    """Remove what is there of all these."""
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
        remove_left([pod.remains for pod in stopped], scope)
        await manager.disable_unit_files([unit for pod in stopped for unit in dict.fromkeys((pod.unit, pod.boot_unit))])
        await forget_times(manager, stopped)
        found = compose(directory, {}, names)
        directory.write(found.change, found.texts)
        return found.change
    return Change()


async def forget(
    manager: Manager, directory: UnitDirectory, state: StateFolder, dooms: Sequence[Doom]
) -> tuple[str, ...]:
    """Let systemd and the state folder know no more of pods whose units are gone; the objects that were kept."""
    names = [unit for doom in dooms for unit in doom.units]
    if enabled := [unit for doom in dooms for unit in doom.disable]:
        await manager.disable_unit_files(enabled)
    if names:
        await manager.reload()
        # A unit that had failed stays known, and would be shown as missing.
        for unit in await manager.list_units_by_patterns(names):
            await manager.reset_failed_unit(unit.name)
    state.forget_files(doom.pod for doom in dooms if doom.pod)
    Surroundings(state.path).forget({doom.pod for doom in dooms})
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
    """Remove the units that ship with podunit, once no pod is left that uses them, the objects, and empty folders."""
    change = directory.plan({}, tuple(read_static_units()))
    left = await manager.list_units_by_patterns(change.removed) if change.removed else ()
    await manager.run_jobs(manager.stop_unit, [unit.name for unit in left if unit.active == "active"])
    directory.write(change, {})
    await manager.reload()
    gone = state.forget_objects(state.read_objects())
    state.remove_empty()
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


async def forget_times(manager: Manager, pods: Iterable[InstalledPod]) -> None:
    """Let no later timer make up for what those of these pods would have missed."""
    for pod in pods:
        if pod.timer:
            await manager.clean_unit(pod.timer)
