"""How a command applies files, and how all that change pods end: what becomes of them is told, or foretold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from podunit.cli.files import load_to_apply
from podunit.cli.settings import Settings
from podunit.cli.settled import look_at, recall, remember
from podunit.errors import PodunitError

if TYPE_CHECKING:
    from pathlib import Path

    from podunit.planning import Forecast, Outcome
    from podunit.workload import Workload


class OutcomeFormat(StrEnum):
    """How a command says what became of pods."""

    TEXT = "text"
    JSON = "json"


def apply_files(
    settings: Settings,
    files: list[str],
    timeout: float | None,
    output: OutcomeFormat,
    dry_run: bool,
    *,
    start_stopped: bool,
    skip_unsupported: bool,
    replicas: int | None = None,
    folder: Path | None = None,
    prune: bool = False,
    copy: bool = False,
) -> None:
    sight = None
    if not (dry_run or copy or replicas is not None):
        sight = look_at(settings, files, start_stopped, skip_unsupported, folder, prune)
    if sight and (settled := recall(settings, sight)):
        tell(settings, settled, output, dry_run)
        return

    from podunit import deploy
    from podunit.cli.output import print_note
    from podunit.install import hold
    from podunit.manager import connect
    from podunit.planning import plan_apply
    from podunit.report import Report
    from podunit.specs import write_copies
    from podunit.state import StateFolder

    state, report = StateFolder(settings.state_folder), Report()
    workload, objects, places = load_to_apply(
        settings, files, skip_unsupported=skip_unsupported, replicas=replicas, report=report
    )

    copies = _plan_copies(settings, files) if copy else {}
    said = [f"file {target}: created" for target in copies.values()]
    for file, target in copies.items():
        places = {key: place.replace(f"{file.absolute()}:", f"{target}:", 1) for key, place in places.items()}

    async def run() -> Outcome:
        if dry_run:
            forecast = await forecast_apply(
                settings, workload, objects, start_stopped=start_stopped, folder=folder, prune=prune
            )
            return forecast.outcome
        # systemd first: without it nothing may be changed.
        async with connect(settings.scope) as manager, hold(settings.unit_directory, print_note) as directory:
            plan = await plan_apply(
                workload,
                objects,
                directory,
                state,
                manager,
                settings.scope,
                start_stopped=start_stopped,
                folder=folder,
                prune=prune,
            )
            write_copies(copies)
            done = await deploy.apply(plan, directory, state, manager, settings.scope)
            if replicas is None:
                state.keep_places(places)
            # What a file is warned of is said each time.
            if sight and not report.problems:
                await remember(settings, sight, plan, done, manager)
            return done

    finish(settings, run, timeout, output, dry_run, said)


def _plan_copies(settings: Settings, files: list[str]) -> dict[Path, Path]:
    from podunit.install import spec_folder
    from podunit.report import Report
    from podunit.source import list_files
    from podunit.specs import plan_copies

    return plan_copies(
        (file for given in files for file in list_files(given, Report())), spec_folder(settings.scope).absolute()
    )


async def forecast_apply(
    settings: Settings,
    workload: Workload,
    objects: Mapping[str, str],
    *,
    start_stopped: bool,
    folder: Path | None,
    prune: bool,
) -> Forecast:
    """What an apply would come to; nothing is changed, and nobody is waited for."""
    from podunit.cli.output import print_note
    from podunit.install import UnitDirectory
    from podunit.manager import connect
    from podunit.planning import foresee, plan_apply
    from podunit.state import StateFolder

    state, directory = StateFolder(settings.state_folder), UnitDirectory(settings.unit_directory)
    if directory.is_unsettled:
        print_note(f"another podunit is at work in {directory.path}, or was interrupted: an apply undoes that first")
    async with connect(settings.scope) as manager:
        plan = await plan_apply(
            workload,
            objects,
            directory,
            state,
            manager,
            settings.scope,
            start_stopped=start_stopped,
            folder=folder,
            prune=prune,
        )
        return await foresee(plan, directory, state, manager)


def finish(
    settings: Settings,
    run: Callable[[], Awaitable[Outcome]],
    timeout: float | None,
    output: OutcomeFormat,
    dry_run: bool,
    said: Iterable[str] = (),
) -> None:
    """Run a command, and tell what became of pods; `said` is what else went well then."""
    import asyncio

    async def limited() -> Outcome:
        try:
            return await asyncio.wait_for(run(), timeout)
        except TimeoutError:
            raise PodunitError(f"not done within {timeout} s", "the jobs go on: see systemctl list-jobs") from None

    tell(settings, asyncio.run(limited()), output, dry_run, said)


def tell(settings: Settings, done: Outcome, output: OutcomeFormat, dry_run: bool, said: Iterable[str] = ()) -> None:
    """Tell what became of pods; ends with status 1 if one is not up."""
    from podunit.cli.output import describe_outcome, print_json, print_outcome

    if output is OutcomeFormat.JSON:
        print_json({**describe_outcome(done), "dryRun": dry_run})
    else:
        for line in said:
            settings.print_success(line)
        print_outcome(done, settings)
    if dry_run:
        note_dry_run(settings)
    if any(outcome.job for outcome in done.pods):
        raise typer.Exit(1)


def note_dry_run(settings: Settings) -> None:
    from podunit.cli.output import print_note

    if not settings.quiet:
        print_note("a dry run: nothing was changed")
