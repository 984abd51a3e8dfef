"""Commands that change what runs: apply, up, down, delete, start, stop, restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.files import load
from podunit.scope import Scope

if TYPE_CHECKING:
    from podunit.deploy import PodOutcome
    from podunit.installed import InstalledPod

Targets = Annotated[
    list[str], typer.Argument(metavar="FILE|POD...", help="YAML files, or names of pods.", show_default=False)
]
Pods = Annotated[list[str], typer.Argument(metavar="POD...", help="Names of pods.", show_default=False)]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="Wait at most so long.", show_default=False)
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the jobs are done.")]


def apply(
    context: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE...]", help="YAML files; by default all of the spec folder.", show_default=False),
    ] = None,
    timeout: Timeout = None,
) -> None:
    """Install pods: start what is new, restart what changed, and wait until it is up."""
    _apply(context.obj, files or _list_spec_files(context.obj), timeout, start_stopped=False)


def up(context: typer.Context, targets: Targets, timeout: Timeout = None) -> None:
    """Install and start pods, or start installed ones, and wait until they are up."""
    files, pods = _split(targets)
    _find(_read_units(context.obj), pods)
    if files:
        _apply(context.obj, files, timeout, start_stopped=True)
    if pods:
        _operate(context.obj, pods, "start", timeout)


def down(context: typer.Context, targets: Targets, timeout: Timeout = None) -> None:
    """Stop pods and wait until nothing of them runs; their units stay."""
    _operate(context.obj, _list_names(targets), "stop", timeout)


def delete(context: typer.Context, targets: Targets, timeout: Timeout = None) -> None:
    """Stop and disable pods, and remove their units."""
    from podunit import deploy
    from podunit.install import default_directory, locked
    from podunit.manager import connect

    scope: Scope = context.obj
    names = _list_names(targets)
    _find(_read_units(scope), names)

    async def run() -> tuple[PodOutcome, ...]:
        async with connect(scope) as manager:
            with locked(default_directory(scope)) as directory:
                return await deploy.delete(manager, directory, _find(directory.read(), names), scope)

    _finish(run, timeout)


def start(context: typer.Context, pods: Pods, wait: Wait = True, timeout: Timeout = None) -> None:
    """Start installed pods."""
    _operate(context.obj, pods, "start", timeout, wait=wait)


def stop(context: typer.Context, pods: Pods, wait: Wait = True, timeout: Timeout = None) -> None:
    """Stop pods."""
    _operate(context.obj, pods, "stop", timeout, wait=wait)


def restart(context: typer.Context, pods: Pods, wait: Wait = True, timeout: Timeout = None) -> None:
    """Restart pods, and start those that do not run."""
    _operate(context.obj, pods, "restart", timeout, wait=wait)


def _apply(scope: Scope, files: list[str], timeout: float | None, *, start_stopped: bool) -> None:
    workload = load(files)
    from podunit import deploy
    from podunit.install import default_directory, locked
    from podunit.manager import connect

    async def run() -> tuple[PodOutcome, ...]:
        # systemd first: without it nothing may be changed.
        async with connect(scope) as manager:
            with locked(default_directory(scope)) as directory:
                return await deploy.apply(workload, directory, manager, scope, start_stopped=start_stopped)

    _finish(run, timeout)


def _operate(scope: Scope, names: list[str], verb: str, timeout: float | None, *, wait: bool = True) -> None:
    from podunit import deploy
    from podunit.manager import connect

    asked = deploy.Verb(verb)
    pods = _find(_read_units(scope), names)

    async def run() -> tuple[PodOutcome, ...]:
        async with connect(scope) as manager:
            if not wait:
                return await deploy.enqueue(asked, manager, pods)
            return await deploy.operate(asked, manager, pods, scope)

    _finish(run, timeout)


def _finish(run: Callable[[], Awaitable[tuple[PodOutcome, ...]]], timeout: float | None) -> None:
    import asyncio

    from podunit.cli.output import print_outcomes
    from podunit.errors import PodunitError

    async def limited() -> tuple[PodOutcome, ...]:
        try:
            return await asyncio.wait_for(run(), timeout)
        except TimeoutError:
            raise PodunitError(f"not done within {timeout} s", "the jobs go on: see systemctl list-jobs") from None

    if not print_outcomes(asyncio.run(limited())):
        raise typer.Exit(1)


def _is_file(target: str) -> bool:
    # A pod's name has neither a slash nor, by custom, one of these endings.
    return "/" in target or target.endswith((".yaml", ".yml", ".json"))


def _split(targets: list[str]) -> tuple[list[str], list[str]]:
    return [target for target in targets if _is_file(target)], [target for target in targets if not _is_file(target)]


def _list_names(targets: list[str]) -> list[str]:
    files, names = _split(targets)
    return [*names, *(pod.name for pod in load(files).pods)] if files else names


def _read_units(scope: Scope) -> dict[str, str]:
    from podunit.install import UnitDirectory, default_directory

    return UnitDirectory(default_directory(scope)).read()


def _find(texts: dict[str, str], names: list[str]) -> tuple[InstalledPod, ...]:
    from podunit.decode import suggest
    from podunit.errors import PodunitError
    from podunit.installed import list_pods

    pods = list_pods(texts)
    for name in names:
        if name not in pods:
            hint = suggest(name, pods) or f"pods here: {', '.join(pods) or 'none'}"
            raise PodunitError(f"there is no pod '{name}'", hint)
    return tuple(pods[name] for name in dict.fromkeys(names))


def _list_spec_files(scope: Scope) -> list[str]:
    from podunit.errors import PodunitError
    from podunit.install import spec_folder

    folder = spec_folder(scope)
    files = sorted(str(file) for file in folder.glob("*.yaml")) if folder.is_dir() else []
    if not files:
        raise PodunitError(f"there is no pod file in {folder}", "name a file: podunit apply web.yaml")
    return files
