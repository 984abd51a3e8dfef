"""Commands that watch pods as they change: wait."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.pods import Pods, find_pods
from podunit.cli.settings import Settings
from podunit.condition import Condition

if TYPE_CHECKING:
    from podunit.states import PodSummary


_UNITS_SEC = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "": 1.0}


def _parse_duration(text: str) -> float:
    """Seconds: `30`, `30s`, `1m30s`, `500ms`."""
    pieces = re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s|)", text)
    if not pieces or "".join(map("".join, pieces)) != text:
        raise typer.BadParameter(f"'{text}' is no duration: write 30s, or 1m30s", param_hint="--timeout")
    return sum(float(number) * _UNITS_SEC[unit] for number, unit in pieces)


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
    import asyncio

    from podunit.cli.output import print_unmet
    from podunit.manager import connect
    from podunit.waiting import wait_for

    timeout_sec = _parse_duration(timeout)
    settings: Settings = context.obj
    found = find_pods(settings, pods)
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

    left = asyncio.run(run())
    for summary in left:
        print_unmet(summary, condition, f"not within {timeout_sec:g} s")
    if failed or left:
        raise typer.Exit(1)
