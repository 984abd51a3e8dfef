"""Commands that connect to what runs: logs, exec."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.pods import Pod, find_pods
from podunit.cli.settings import Settings
from podunit.cli.times import parse_since
from podunit.errors import PodunitError

if TYPE_CHECKING:
    from podunit.installed import InstalledContainer


def logs(
    context: typer.Context,
    pod: Pod,
    container: Annotated[
        str | None, typer.Argument(metavar="[CONTAINER]", help="Only this one.", show_default=False)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is printed.")] = False,
    lines: Annotated[
        int | None, typer.Option("--lines", "-n", min=0, help="At most so many lines.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Not older: 10m, 2h, or a time of systemd.time(7).", show_default=False),
    ] = None,
) -> None:
    """Print what the containers of a pod have printed, from the journal."""
    from podunit.cli.output import choose_colors, paint
    from podunit.journal import read_log

    settings: Settings = context.obj
    found = find_pods(settings, [pod], generated=True)
    every = [one for pod in found for one in pod.containers]
    names = {one.unit: f"{one.pod}.{one.name}" if len(found) > 1 else one.name for one in every}
    containers = {one.unit: names[one.unit] for one in every if container in (None, one.name)}
    if not containers:
        raise PodunitError(f"there is no container '{container}' in pod '{pod}'", _name_containers(found[0].containers))
    width = max(len(name) for name in containers.values())
    colors = choose_colors(containers.values())
    since = since and parse_since(since)
    for unit, message in read_log(tuple(containers), settings.scope, follow=follow, lines=lines, since=since):
        name = containers[unit]
        prefix = "" if container and len(found) == 1 else paint(f"{name:<{width}} | ", colors[name])
        print(f"{prefix}{message}", flush=follow)


def exec_(
    context: typer.Context,
    pod: Pod,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND [ARG...]", show_default=False)],
    container: Annotated[
        str | None,
        typer.Option("--container", "-c", help="Which container; by default the first.", show_default=False),
    ] = None,
    interactive: Annotated[bool, typer.Option("--stdin", "-i", help="Pass standard input on.")] = False,
    terminal: Annotated[bool, typer.Option("--tty", "-t", help="Give the command a terminal.")] = False,
) -> None:
    """Run a command in a container; the exit status is the command's own, 125 to 127 if it could not be run."""
    from podunit.cli.output import print_error
    from podunit.engines.programs import PODMAN
    from podunit.host import require_podman

    try:
        found = _find_container(context.obj, pod, container)
        if found.is_bundled:
            from podunit.payload import enter

            status = enter(f"{found.pod}.{found.name}", command, interactive=interactive, terminal=terminal)
            raise typer.Exit(status)
        name = f"{found.pod}.{found.name}"
        options = ["--interactive"] * interactive + ["--tty"] * terminal
        require_podman()
        os.execv(PODMAN, [PODMAN, "exec", *options, name, *command])
    except OSError as error:
        print_error(PodunitError(f"{PODMAN}: {(error.strerror or str(error)).lower()}"))
    except PodunitError as error:
        print_error(error)
    # As podman's own: it is not the command that has failed.
    raise typer.Exit(125)


def _find_container(settings: Settings, pod: str, container: str | None) -> InstalledContainer:
    """A container, by default of the pod's first; of an owner's pods the first is meant."""
    found = find_pods(settings, [pod], generated=True)[0]
    mains = tuple(one for one in found.containers if not one.init)
    chosen = [one for one in mains if container in (None, one.name)]
    if not chosen:
        raise PodunitError(f"there is no container '{container}' in pod '{pod}'", _name_containers(mains))
    return chosen[0]


def _name_containers(containers: tuple[InstalledContainer, ...]) -> str:
    return f"containers here: {', '.join(one.name for one in containers)}"
