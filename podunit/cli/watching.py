"""Commands that watch pods as they change: wait, top, events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.pods import Pods, PodsOrAll, find_pods
from podunit.cli.settings import Settings
from podunit.cli.times import parse_duration, parse_since
from podunit.condition import Condition

if TYPE_CHECKING:
    from podunit.installed import InstalledPod
    from podunit.states import PodSummary
    from podunit.usage import Load

_REFRESH_SEC = 1.0


class EventsFormat(StrEnum):
    """How `events` prints what has happened."""

    TABLE = "table"
    JSON = "json"


class TopFormat(StrEnum):
    """How `top` prints what is used."""

    TABLE = "table"
    JSON = "json"


def wait(
    context: typer.Context,
    pods: Pods,
    condition: Annotated[
        Condition,
        typer.Option(
            "--for",
            help="ready: up, and all probes say so; stopped: nothing runs; or how a pod that ends has ended.",
            show_default=False,
        ),
    ],
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="Wait at most so long: 30s, 1m30s; 0 looks once.")
    ] = "30s",
) -> None:
    """Wait until all of these pods are so; ends with status 1 if they are not in time, or can no longer become so."""
    from podunit.cli.loop import run_loop
    from podunit.cli.output import print_unmet
    from podunit.manager import connect
    from podunit.waiting import wait_for

    timeout_sec = parse_duration(timeout, "--timeout")
    settings: Settings = context.obj
    found = find_pods(settings, pods, generated=True)
    failed = False

    def tell(summary: PodSummary, met: bool) -> None:
        nonlocal failed
        if met:
            settings.print_success(f"pod {summary.pod}: {condition}")
        else:
            failed = True
            print_unmet(summary, condition, "it can no longer become so")

    async def run() -> tuple[PodSummary, ...]:
        async with connect(settings.scope) as manager:
            return await wait_for(manager, found, condition, settings.scope, timeout_sec, tell)

    left = run_loop(run())
    for summary in left:
        print_unmet(summary, condition, f"not within {timeout_sec:g} s")
    if failed or left:
        raise typer.Exit(1)


def top(
    context: typer.Context,
    pods: PodsOrAll = None,
    once: Annotated[bool, typer.Option("--once", help="Print one table, of one second, and end.")] = False,
    output: Annotated[TopFormat, typer.Option("--output", "-o", help="How to print it; json once.")] = TopFormat.TABLE,
) -> None:
    """Show what pods and containers use, anew each second on a terminal, until Ctrl-C."""
    import sys

    from podunit.cli.loop import run_loop

    lives = sys.stdout.isatty() and not once and output is TopFormat.TABLE
    try:
        run_loop(_run_top(context.obj, pods or [], output, lives=lives))
    except KeyboardInterrupt:
        # The way to end it.
        if not lives:
            raise


async def _run_top(settings: Settings, names: list[str], output: TopFormat, *, lives: bool) -> None:
    import asyncio
    import time

    from podunit.cli.output import draw_table, print_json, print_table
    from podunit.installed import list_pods
    from podunit.manager import connect
    from podunit.usage import Usage, measure, read_usages

    def find() -> tuple[InstalledPod, ...]:
        return (
            find_pods(settings, names, generated=True)
            if names
            else tuple(list_pods(settings.read_all_units()).values())
        )

    pods = find()
    async with connect(settings.scope) as manager:
        at, before = time.monotonic(), await read_usages(manager, pods)
        while True:
            await asyncio.sleep(_REFRESH_SEC)
            # Pods may have come and gone.
            pods = find() if lives else pods
            earlier, at, after = at, time.monotonic(), await read_usages(manager, pods)
            loads = {key: measure(before.get(key, Usage()), usage, at - earlier) for key, usage in after.items()}
            before = after
            if output is TopFormat.JSON:
                print_json(_describe_loads(pods, loads))
            else:
                show = draw_table if lives else print_table
                show(("POD", "CONTAINER", "CPU%", "MEMORY", "TASKS", "READ/s", "WRITE/s"), _list_rows(pods, loads))
            if not lives:
                return


def _list_rows(pods: Iterable[InstalledPod], loads: Mapping[tuple[str, str], Load]) -> Iterable[tuple[str, ...]]:
    from podunit.cli.output import format_bytes

    for pod in pods:
        for name in ("", *(container.name for container in pod.containers)):
            load = loads[pod.name, name]
            yield (
                pod.name,
                name or "(all)",
                "-" if load.cpu_percent is None else f"{load.cpu_percent:.1f}",
                format_bytes(load.usage.memory_bytes),
                "-" if load.usage.tasks is None else str(load.usage.tasks),
                format_bytes(load.read_bytes_per_sec),
                format_bytes(load.written_bytes_per_sec),
            )


def _describe_loads(pods: Iterable[InstalledPod], loads: Mapping[tuple[str, str], Load]) -> dict[str, object]:
    return {
        "schemaVersion": 1,
        "pods": [
            {
                "pod": pod.name,
                **loads[pod.name, ""].describe(),
                "containers": [
                    {"container": container.name, **loads[pod.name, container.name].describe()}
                    for container in pod.containers
                ],
            }
            for pod in pods
        ],
    }


def events(
    context: typer.Context,
    pods: PodsOrAll = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on as more happens.")] = False,
    output: Annotated[EventsFormat, typer.Option("--output", "-o", help="How to print them.")] = EventsFormat.TABLE,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Not older: 10m, 2h, or a time of systemd.time(7).")
    ] = "1h",
) -> None:
    """Tell what has happened to pods: starts, ends and why, restarts, probes; by default to all."""
    from podunit.cli.output import print_events
    from podunit.events import read_events

    settings: Settings = context.obj
    found = find_pods(settings, pods, generated=True) if pods else None
    happened = read_events(found, settings.scope, since=parse_since(since), follow=watch)
    print_events(happened, as_json=output is EventsFormat.JSON, watch=watch)
