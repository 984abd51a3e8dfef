"""Commands that show what is installed and how it is: ps."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from podunit.scope import Scope


class PsFormat(StrEnum):
    """How `ps` prints containers."""

    TABLE = "table"
    JSON = "json"
    NAME = "name"


def ps(
    context: typer.Context,
    output: Annotated[PsFormat, typer.Option("--output", "-o", help="How to print them.")] = PsFormat.TABLE,
) -> None:
    """List the containers of all installed pods."""
    import asyncio

    from podunit.cli.output import print_json, print_table
    from podunit.install import UnitDirectory, default_directory
    from podunit.installed import list_pods
    from podunit.manager import connect
    from podunit.states import ContainerState, get_container_states

    scope: Scope = context.obj

    async def run() -> tuple[ContainerState, ...]:
        pods = list_pods(UnitDirectory(default_directory(scope)).read())
        if not pods:
            return ()
        async with connect(scope) as manager:
            return await get_container_states(manager, pods.values())

    states = asyncio.run(run())
    match output:
        case PsFormat.JSON:
            print_json({"schemaVersion": 1, "containers": [state.describe() for state in states]})
        case PsFormat.NAME:
            for state in states:
                print(f"{state.pod}.{state.container}")
        case PsFormat.TABLE:
            rows = [
                (
                    state.pod,
                    state.container,
                    f"{state.active} ({state.sub})",
                    "yes" if state.ready else "no",
                    str(state.restarts),
                    str(state.main_pid or "-"),
                    state.image,
                )
                for state in states
            ]
            print_table(("POD", "CONTAINER", "STATE", "READY", "RESTARTS", "PID", "IMAGE"), rows)
