"""Commands that change what runs: apply, up, down, delete, start, stop, restart, enable, disable, uninstall."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.applying import OutcomeFormat, apply_files, finish, note_dry_run, open_machine
from podunit.cli.files import EngineOption, FilesOrFolder, Prune, SkipUnsupported, choose_files, load_and_check
from podunit.cli.pods import Owners, Pods, Targets, find_pods, is_file, name_owner, parse_word, select_pods
from podunit.cli.settings import Settings
from podunit.cli.trees import apply_to_tree
from podunit.errors import PodunitError

if TYPE_CHECKING:
    from podunit.installed import InstalledPod
    from podunit.manager import Manager
    from podunit.planning import Outcome


Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="Wait at most so long.", show_default=False)
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the jobs are done.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done if all goes well; change nothing.")]
Atomic = Annotated[
    bool, typer.Option("--atomic", help="Go back to what was before if a pod does not come up; ends with status 4.")
]
Message = Annotated[
    str, typer.Option("--message", "-m", metavar="TEXT", help="Why: for rollout history.", show_default=False)
]
Report = Annotated[OutcomeFormat, typer.Option("--output", "-o", help="How to say what became of the pods.")]


def apply(
    context: typer.Context,
    files: FilesOrFolder = None,
    timeout: Timeout = None,
    output: Report = OutcomeFormat.TEXT,
    dry_run: DryRun = False,
    prune: Prune = False,
    copy: Annotated[bool, typer.Option("--copy", help="Put the files into the spec folder.")] = False,
    engine: EngineOption = None,
    skip_unsupported: SkipUnsupported = False,
    atomic: Atomic = False,
    message: Message = "",
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Install into this tree, an image to be, and start nothing.", show_default=False
        ),
    ] = None,
    systemd: Annotated[
        str | None, typer.Option(metavar="VERSION", help="With --root: the tree's; 252 by default.", show_default=False)
    ] = None,
    podman: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="With --root: the tree's; 4.3.1 by default.", show_default=False),
    ] = None,
) -> None:
    """Install pods: start what is new, restart what changed, and wait until it is up."""
    settings: Settings = context.obj
    if root is not None:
        given = {"--timeout": timeout, "--prune": prune, "--copy": copy, "--atomic": atomic, "--message": message}
        if others := [option for option, value in given.items() if value]:
            raise typer.BadParameter(f"--root does not go with {', '.join(others)}: nothing runs in a tree")
        apply_to_tree(settings, root, files, output, dry_run, skip_unsupported, engine, systemd, podman)
        return
    if systemd or podman:
        raise typer.BadParameter("--systemd and --podman go with --root: of this machine podunit knows them")
    if copy and not files:
        raise typer.BadParameter("--copy goes with files: name them")
    files, folder = choose_files(settings, files, prune=prune)
    apply_files(
        settings,
        lambda: files,
        timeout,
        output,
        dry_run,
        start_stopped=False,
        skip_unsupported=skip_unsupported,
        engine=engine,
        folder=folder,
        prune=prune,
        copy=copy,
        atomic=atomic,
        message=message,
    )


def up(
    context: typer.Context,
    targets: Targets,
    timeout: Timeout = None,
    output: Report = OutcomeFormat.TEXT,
    dry_run: DryRun = False,
    engine: EngineOption = None,
    skip_unsupported: SkipUnsupported = False,
    atomic: Atomic = False,
    message: Message = "",
) -> None:
    """Install and start pods, or start installed ones, and wait until they are up."""
    settings: Settings = context.obj
    files = [target for target in targets if is_file(target)]
    names = [target for target in targets if not is_file(target)]
    if (atomic or message or engine) and not files:
        raise typer.BadParameter("--atomic, --engine and --message go with files: name them")
    if names:
        find_pods(settings, names, generated=True)
    if files:
        apply_files(
            settings,
            lambda: files,
            timeout,
            output,
            dry_run,
            start_stopped=True,
            skip_unsupported=skip_unsupported,
            engine=engine,
            atomic=atomic,
            message=message,
        )
    if names:
        _operate(settings, names, "start", timeout, output, dry_run, with_timers=True)


def down(
    context: typer.Context,
    targets: Targets,
    timeout: Timeout = None,
    output: Report = OutcomeFormat.TEXT,
    dry_run: DryRun = False,
    skip_unsupported: SkipUnsupported = False,
) -> None:
    """Stop pods and wait until nothing of them runs; their units stay."""
    names, _ = _list_objects(context.obj, targets, skip_unsupported)
    _operate(context.obj, names, "stop", timeout, output, dry_run, with_timers=True)


def delete(
    context: typer.Context,
    targets: Targets,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Remove the pods' persistent volumes too, with all that is in them.")
    ] = False,
    timeout: Timeout = None,
    output: Report = OutcomeFormat.TEXT,
    dry_run: DryRun = False,
    skip_unsupported: SkipUnsupported = False,
) -> None:
    """Stop and disable pods, and remove their units."""
    names, objects = _list_objects(context.obj, targets, skip_unsupported)
    _delete(context.obj, names, objects, timeout, output, dry_run, volumes=volumes)


def scale(
    context: typer.Context,
    owners: Owners,
    replicas: Annotated[int, typer.Option("--replicas", min=0, max=1000, help="How many pods.", show_default=False)],
    timeout: Timeout = None,
    output: Report = OutcomeFormat.TEXT,
    dry_run: DryRun = False,
) -> None:
    """Give owners of pods another number of them, until their file is applied again."""
    settings: Settings = context.obj

    def list_files() -> list[str]:
        return [_find_kept_owner(settings, owner) for owner in owners]

    apply_files(
        settings, list_files, timeout, output, dry_run, start_stopped=False, skip_unsupported=False, replicas=replicas
    )


def _find_kept_owner(settings: Settings, owner: str) -> str:
    """The file of what is kept of an owner of pods, whose number can be changed."""
    from podunit.state import StateFolder

    kept = StateFolder(settings.state_folder).read_objects()
    kind, name = parse_word(owner) or ("", owner)
    if kind in ("", "Pod", "DaemonSet"):
        raise PodunitError(f"'{owner}' has no number of replicas", "name a deployment, as deployment/web")
    if f"{kind}.{name}" not in kept:
        # Says what there is instead.
        find_pods(settings, [owner])
        raise PodunitError(f"the object of {name_owner(kind, name)} is not kept here", "apply its file")
    return str(kept[f"{kind}.{name}"])


def start(
    context: typer.Context,
    pods: Pods,
    wait: Wait = True,
    timeout: Timeout = None,
    output: Report = OutcomeFormat.TEXT,
    dry_run: DryRun = False,
) -> None:
    """Start installed pods."""
    _operate(context.obj, pods, "start", timeout, output, dry_run, wait=wait)


def stop(
    context: typer.Context,
    pods: Pods,
    wait: Wait = True,
    timeout: Timeout = None,
    output: Report = OutcomeFormat.TEXT,
    dry_run: DryRun = False,
) -> None:
    """Stop pods."""
    _operate(context.obj, pods, "stop", timeout, output, dry_run, wait=wait)


def restart(
    context: typer.Context,
    pods: Pods,
    wait: Wait = True,
    timeout: Timeout = None,
    output: Report = OutcomeFormat.TEXT,
    dry_run: DryRun = False,
) -> None:
    """Restart pods, and start those that do not run."""
    _operate(context.obj, pods, "restart", timeout, output, dry_run, wait=wait)


def enable(context: typer.Context, pods: Pods, dry_run: DryRun = False) -> None:
    """Let pods start at boot."""
    _set_boot(context.obj, pods, dry_run, "enabled", lambda manager, units: manager.enable_unit_files(units))


def disable(context: typer.Context, pods: Pods, dry_run: DryRun = False) -> None:
    """Do not let pods start at boot."""
    _set_boot(context.obj, pods, dry_run, "disabled", lambda manager, units: manager.disable_unit_files(units))


def uninstall(
    context: typer.Context,
    keep_units: Annotated[
        bool, typer.Option("--keep-units", help="Leave the units, running as they are, as files of your own.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Remove all pods and podunit's own units; the package itself is for your package manager to remove."""
    from podunit import deletion
    from podunit.cli.loop import run_loop
    from podunit.host import list_networks, remove_network
    from podunit.install import UnitDirectory
    from podunit.installed import list_pods
    from podunit.state import StateFolder

    settings: Settings = context.obj
    if keep_units:
        for name in settings.read_units() if dry_run else run_loop(_disown(settings)):
            settings.print_success(f"unit {name}: kept, yours now")
        if dry_run:
            note_dry_run(settings)
        return
    pods, state = list_pods(settings.read_units()), StateFolder(settings.state_folder)
    if pods and not dry_run:
        _delete(settings, list(pods), [], None, OutcomeFormat.TEXT, dry_run, volumes=False)

    for name in list_networks():
        if dry_run or remove_network(name):
            settings.print_success(f"network {name}: removed")

    async def run() -> Outcome:
        if dry_run:
            return deletion.foresee_removal(UnitDirectory(settings.unit_directory), state, pods.values())
        async with open_machine(settings) as machine:
            if left := list_pods(machine.directory.read()):
                raise PodunitError(
                    f"pod '{next(iter(left))}' has just been applied", "uninstall once more, if it is to go"
                )
            machine.generations.clear()
            return await deletion.remove_static_units(machine.manager, machine.directory, state)

    finish(settings, run, None, OutcomeFormat.TEXT, dry_run)


async def _disown(settings: Settings) -> tuple[str, ...]:
    from podunit import deletion

    async with open_machine(settings) as machine:
        return await deletion.disown(machine.manager, machine.directory)


def _delete(
    settings: Settings,
    names: list[str],
    objects: list[str],
    timeout: float | None,
    output: OutcomeFormat,
    dry_run: bool,
    *,
    volumes: bool,
) -> None:
    from podunit import deletion, operating
    from podunit.bringup import PodOutcome
    from podunit.install import UnitDirectory
    from podunit.installed import list_pods
    from podunit.manager import connect
    from podunit.state import StateFolder
    from podunit.states import list_running

    installed = {
        key for pod in list_pods(settings.read_units()).values() for key in (f"Pod.{pod.name}", pod.object_key)
    }
    halfway = UnitDirectory(settings.unit_directory).unfinished.list_deleted() - installed
    ended = [name for name in names if ".".join(parse_word(name) or ("Pod", name)) in halfway]
    pods = find_pods(settings, [name for name in names if name not in ended])
    state = StateFolder(settings.state_folder)

    async def run() -> Outcome:
        if dry_run:
            done = deletion.foresee_deletion(UnitDirectory(settings.unit_directory), state, pods, objects)
            if not (dependents := _find_dependents(settings, pods)):
                return done
            async with connect(settings.scope) as manager:
                running = await list_running(manager, dependents)
            stopped = operating.foresee_operation(operating.Verb.STOP, running, wait=True, with_timers=False)
            return replace(done, pods=(*done.pods, *stopped.pods))
        async with open_machine(settings) as machine:
            # Somebody else may have been faster, or have died at it; or an owner has got more pods.
            left = list_pods(machine.directory.read())
            own = select_pods(left, names) | {name: pod for name, pod in left.items() if pod.object_key in objects}
            running = await list_running(machine.manager, _find_dependents(settings, tuple(own.values())))
            stopped = await operating.operate(operating.Verb.STOP, machine.manager, running, settings.scope)
            gone = [PodOutcome(pod.name, ("deleted already",)) for pod in pods if pod.name not in own]
            done = await deletion.delete(
                machine.manager, machine.directory, state, own.values(), objects, settings.scope, volumes=volumes
            )
            machine.generations.forget(state.read_objects().keys())
            return replace(done, pods=(*done.pods, *gone, *stopped.pods))

    finish(settings, run, timeout, output, dry_run)


def _operate(
    settings: Settings,
    names: list[str],
    verb: str,
    timeout: float | None,
    output: OutcomeFormat,
    dry_run: bool,
    *,
    wait: bool = True,
    with_timers: bool = False,
) -> None:
    from podunit import operating
    from podunit.chosen import Engine
    from podunit.host import require_podman
    from podunit.manager import connect
    from podunit.states import list_running

    asked = operating.Verb(verb)
    named = find_pods(settings, names, generated=True)
    dependents = () if asked is operating.Verb.START else _find_dependents(settings, named)

    async def run() -> Outcome:
        if dry_run and not dependents:
            return operating.foresee_operation(asked, named, wait=wait, with_timers=with_timers)
        async with connect(settings.scope) as manager:
            pods = (*await list_running(manager, dependents), *named)
            if dry_run:
                return operating.foresee_operation(asked, pods, wait=wait, with_timers=with_timers)
            # Before anything is stopped that could not be started again.
            if asked is not operating.Verb.STOP and any(pod.engine is Engine.PODMAN for pod in named):
                require_podman()
            if not wait:
                return await operating.enqueue(asked, manager, pods)
            return await operating.operate(asked, manager, pods, settings.scope, with_timers=with_timers)

    finish(settings, run, timeout, output, dry_run)


def _find_dependents(settings: Settings, pods: Iterable[InstalledPod]) -> tuple[InstalledPod, ...]:
    """The pods that systemd stops and restarts with these, those that depend on others before the others."""
    from podunit.dependencies import find_dependents
    from podunit.installed import list_pods

    installed = list_pods(settings.read_all_units())
    return tuple(installed[name] for name in reversed(find_dependents([pod.name for pod in pods], installed)))


def _set_boot(
    settings: Settings,
    names: list[str],
    dry_run: bool,
    done: str,
    change: Callable[[Manager, Iterable[str]], Awaitable[None]],
) -> None:
    from podunit.cli.loop import run_loop
    from podunit.manager import connect

    pods: tuple[InstalledPod, ...] = find_pods(settings, names)
    for pod in pods:
        if pod.runs_once and not pod.timer:
            hint = "a pod that is to run again and again is a CronJob"
            raise PodunitError(f"pod '{pod.name}' is that of a Job, which runs once", hint)

    async def run() -> None:
        async with connect(settings.scope) as manager:
            await change(manager, [pod.boot_unit for pod in pods])
            await manager.reload()

    if not dry_run:
        run_loop(run())
    for pod in pods:
        settings.print_success(f"pod {pod.name}: {done}")
    if dry_run:
        note_dry_run(settings)


def _list_objects(settings: Settings, targets: list[str], skip_unsupported: bool) -> tuple[list[str], list[str]]:
    """The words for pods and owners, said as such or by files, and `KIND.NAME` of all else that is meant."""
    from podunit.installed import list_pods
    from podunit.state import StateFolder

    names = [target for target in targets if not is_file(target)]
    files = [target for target in targets if is_file(target)]
    state = StateFolder(settings.state_folder)
    keys = []
    if files:
        documents = load_and_check(files, state.read_objects(), skip_unsupported=skip_unsupported)
        keys = [document.key for document in documents if not document.is_workload]
        names += [
            document.name if document.kind == "Pod" else name_owner(document.kind, document.name)
            for document in documents
            if document.is_workload
        ]
    # An owner of no pods is known by its object alone.
    installed = {pod.object_key for pod in list_pods(settings.read_units()).values()}
    bare = {name: key for name in names if (key := ".".join(parse_word(name) or ())) not in installed}
    bare = {name: key for name, key in bare.items() if key in state.read_objects() and not key.startswith("Pod.")}
    return [name for name in names if name not in bare], [*keys, *bare.values()]
