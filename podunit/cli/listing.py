"""Commands that show what is installed and how it is: ps, status."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.pods import Pod, PodsOrAll, find_pods, is_owner, parse_word
from podunit.cli.settings import Settings

if TYPE_CHECKING:
    from podunit.installed import InstalledPod
    from podunit.states import PodSummary


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
    pods: PodsOrAll = None,
    output: Annotated[PsFormat, typer.Option("--output", "-o", help="How to print them.")] = PsFormat.TABLE,
) -> None:
    """List the containers of installed pods, by default of all."""
    from podunit.cli.output import print_containers, print_json
    from podunit.installed import list_pods

    settings: Settings = context.obj
    every = list_pods(settings.read_all_units()).values()
    found = _get_summaries(settings, find_pods(settings, pods, generated=True) if pods else every)
    states = [state for one in found for state in one.containers]
    match output:
        case PsFormat.JSON:
            document = {"schemaVersion": 1, "containers": [state.describe() for state in states]}
            print_json({**document, "pods": [one.describe() for one in found]})
        case PsFormat.NAME:
            for state in states:
                print(f"{state.pod}.{state.container}")
        case _:
            print_containers(found, wide=output is PsFormat.WIDE)


def status(
    context: typer.Context,
    pod: Pod,
    output: Annotated[StatusFormat, typer.Option("--output", "-o", help="How to print it.")] = StatusFormat.TEXT,
) -> None:
    """Show how a pod is, or all of an owner, and why it is not up; ends with status 1 if one has failed."""
    from podunit.cli.loop import run_loop
    from podunit.cli.output import print_containers, print_json, print_pod_state
    from podunit.manager import connect
    from podunit.states import PodState, get_pod_state

    settings: Settings = context.obj
    found = find_pods(settings, [pod], generated=True)

    async def run() -> list[PodState]:
        async with connect(settings.scope) as manager:
            return [await get_pod_state(manager, one, settings.scope) for one in found]

    states = run_loop(run())
    if output is StatusFormat.JSON and is_owner(pod):
        owner = "/".join(parse_word(pod) or ())
        print_json({"schemaVersion": 1, "owner": owner, "pods": [state.describe() for state in states]})
    elif output is StatusFormat.JSON:
        print_json(states[0].describe())
    else:
        for state in states:
            print_pod_state(state)
            print_containers([state.summary], wide=output is StatusFormat.WIDE)
    if any(state.active == "failed" for state in states):
        raise typer.Exit(1)


def _get_summaries(settings: Settings, pods: Iterable[InstalledPod]) -> tuple[PodSummary, ...]:
    from podunit.cli.loop import run_loop
    from podunit.manager import connect
    from podunit.states import get_summaries

    pods = tuple(pods)

    async def run() -> tuple[PodSummary, ...]:
        async with connect(settings.scope) as manager:
            return await get_summaries(manager, pods, settings.scope)

    return run_loop(run()) if pods else ()
