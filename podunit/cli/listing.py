"""Commands that show what is installed and how it is: ps, status."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.pods import Pod, find_pods
from podunit.cli.settings import Settings

if TYPE_CHECKING:
    from podunit.installed import InstalledPod
    from podunit.states import ContainerState


class PsFormat(StrEnum):
    """How `ps` prints containers."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    NAME = "name"


class StatusFormat(StrEnum):
    """How `status` prints a pod."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"


def ps(
    context: typer.Context,
    output: Annotated[PsFormat, typer.Option("--output", "-o", help="How to print them.")] = PsFormat.TABLE,
) -> None:
    """List the containers of all installed pods."""
    from podunit.cli.output import print_json
    from podunit.installed import list_pods

    settings: Settings = context.obj
    states = _get_states(settings, list_pods(settings.read_units()).values())
    match output:
        case PsFormat.JSON:
            print_json({"schemaVersion": 1, "containers": [state.describe() for state in states]})
        case PsFormat.NAME:
            for state in states:
                print(f"{state.pod}.{state.container}")
        case _:
            _print_states(states, wide=output is PsFormat.WIDE)


def status(
    context: typer.Context,
    pod: Pod,
    output: Annotated[StatusFormat, typer.Option("--output", "-o", help="How to print it.")] = StatusFormat.TEXT,
) -> None:
    """Show how a pod is, and why it is not up; ends with status 1 if it has failed."""
    import asyncio

    from podunit.cli.output import print_json, print_pod_state
    from podunit.manager import connect
    from podunit.states import PodState, get_pod_state

    settings: Settings = context.obj
    (found,) = find_pods(settings, [pod])

    async def run() -> PodState:
        async with connect(settings.scope) as manager:
            return await get_pod_state(manager, found, settings.scope)

    state = asyncio.run(run())
    if output is StatusFormat.JSON:
        print_json(state.describe())
    else:
        print_pod_state(state)
        _print_states(state.containers, wide=output is StatusFormat.WIDE)
    if state.active == "failed":
        raise typer.Exit(1)


def _get_states(settings: Settings, pods: Iterable[InstalledPod]) -> tuple[ContainerState, ...]:
    import asyncio

    from podunit.manager import connect
    from podunit.states import get_container_states

    pods = tuple(pods)

    async def run() -> tuple[ContainerState, ...]:
        async with connect(settings.scope) as manager:
            return await get_container_states(manager, pods)

    return asyncio.run(run()) if pods else ()


def _print_states(states: Iterable[ContainerState], *, wide: bool) -> None:
    from podunit.cli.output import print_table

    header = ["POD", "CONTAINER", "STATE", "READY", "RESTARTS", "PID", "IMAGE"]
    rows = [
        [
            state.pod,
            state.container,
            f"{state.active} ({state.sub})",
            "yes" if state.ready else "no",
            str(state.restarts),
            str(state.main_pid or "-"),
            state.image,
            *((state.unit, state.result, state.cgroup or "-") if wide else ()),
        ]
        for state in states
    ]
    print_table([*header, *(("UNIT", "RESULT", "CGROUP") if wide else ())], rows)
