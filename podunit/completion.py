"""What a command that died has left: the next one completes it, before it does anything of its own.

In: the unit directory, which is locked, with the notes of what is unfinished. Out: what was done, in words.
"""

from __future__ import annotations

from collections.abc import Mapping

from podunit.deletion import delete, forget, remove_left
from podunit.errors import PodunitError
from podunit.install import UnitDirectory
from podunit.installed import InstalledPod, Remains, list_pods
from podunit.live import apply_limits
from podunit.manager import Manager
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.unfinished import Ask, Doom


async def complete(directory: UnitDirectory, state: StateFolder, manager: Manager, scope: Scope) -> tuple[str, ...]:
    """Do what is noted as unfinished, but wait for no pod to start; a sentence for each thing done."""
    tasks = directory.unfinished.read()
    asks = [task for task in tasks.values() if isinstance(task, Ask) and not task.is_asked]
    dooms = [task for task in tasks.values() if isinstance(task, Doom)]
    said = []
    for ask in asks:
        state.commit_objects(ask.keep)
    state.discard_files()
    if asks or dooms:
        state.commit_files(ask.pod for ask in asks if ask.pod)
        await manager.reload()
    installed = list_pods(directory.read()) if tasks else {}
    for ask in asks:
        try:
            await _ask(manager, ask, installed.get(ask.pod))
        except PodunitError as error:
            said.append(f"{error.message}, of what an interrupted podunit had still to do")
        directory.unfinished.hand_over(ask)
    if asks:
        names = ", ".join(ask.pod for ask in asks if ask.pod) or "units"
        said.append(f"completed: a change of {names}, which was interrupted")
    if dooms:
        await _delete(directory, state, manager, scope, dooms)
        names = ", ".join(doom.pod for doom in dooms if doom.pod) or "objects"
        said.append(f"completed: the deletion of {names}, which was interrupted")
    if tasks:
        said += await _settle(directory, manager, scope, installed)
    directory.unfinished.clear()
    return tuple(said)


async def _ask(manager: Manager, ask: Ask, pod: InstalledPod | None) -> None:
    if ask.disable:
        await manager.disable_unit_files(ask.disable)
    if ask.enable:
        await manager.enable_unit_files(ask.enable)
    if ask.disable or ask.enable:
        await manager.reload()
    if ask.limits and pod:
        await apply_limits(manager, pod)
    # What is gone from systemd as well needs no stop.
    known = {unit.name for unit in await manager.list_units_by_patterns(ask.stop)} if ask.stop else set()
    await manager.run_jobs(manager.stop_unit, [unit for unit in ask.stop if unit in known])
    for unit in ask.restart:
        await manager.restart_unit(unit)
    for unit in ask.start:
        await manager.start_unit(unit)


async def _settle(
    directory: UnitDirectory, manager: Manager, scope: Scope, installed: Mapping[str, InstalledPod]
) -> list[str]:
    """Remove what is left of pods as they were, once that has stopped, and forget what need not be waited for."""
    said = []
    noted = [task for task in directory.unfinished.read().values() if isinstance(task, Ask)]
    units = [unit for ask in noted for unit in ask.wait]
    moving = {unit.name for unit in await manager.list_units_by_patterns(units) if unit.job} if units else set()
    for ask in noted:
        if moving.intersection(ask.wait):
            continue
        left = Remains.parse(ask.left)
        try:
            remove_left([left.without(installed[ask.pod].remains) if ask.pod in installed else left], scope)
        except PodunitError as error:
            said.append(f"{error.message}, of what a pod no longer has")
        directory.unfinished.end(ask.pod)
    return said


async def _delete(
    directory: UnitDirectory, state: StateFolder, manager: Manager, scope: Scope, dooms: list[Doom]
) -> None:
    installed = list_pods(directory.read())
    left = [doom for doom in dooms if doom.pod in installed]
    for doom in left:
        pod = installed[doom.pod]
        kept = () if doom.objects else (pod.object_key,)
        await delete(manager, directory, state, (pod,), (), scope, volumes=bool(doom.claims), kept=kept)
    await forget(manager, directory, state, [doom for doom in dooms if doom not in left])
