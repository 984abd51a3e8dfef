"""How a command applies files, and how all that change pods end: what becomes of them is told, or foretold."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from podunit.cli.images import foresee_pulls, provide_bundled, provide_images
from podunit.cli.intake import Intake
from podunit.cli.settings import Settings
from podunit.cli.settled import look_at, recall, remember
from podunit.errors import PodunitError

if TYPE_CHECKING:
    from pathlib import Path

    from podunit.chosen import Engine
    from podunit.forecast import Forecast
    from podunit.generations import Origin
    from podunit.planning import Outcome, Plan
    from podunit.rollback import Machine


# The exit status of a command that has undone what it did.
_GONE_BACK = 4


class OutcomeFormat(StrEnum):
    """How a command says what became of pods."""

    TEXT = "text"
    JSON = "json"


def apply_files(
    settings: Settings,
    list_files: Callable[[], list[str]],
    timeout: float | None,
    output: OutcomeFormat,
    dry_run: bool,
    *,
    start_stopped: bool,
    skip_unsupported: bool,
    replicas: int | None = None,
    engine: Engine | None = None,
    folder: Path | None = None,
    prune: bool = False,
    copy: bool = False,
    atomic: bool = False,
    message: str = "",
) -> None:
    """Apply files; with `replicas` those of kept controllers, which get this number of pods.

    The `engine` is for pods that name none.
    """
    sight = None
    if not (dry_run or copy or replicas is not None):
        sight = look_at(settings, list_files(), start_stopped, skip_unsupported, engine, folder, prune)
    if sight and (settled := recall(settings, sight)):
        tell(settings, settled, output, dry_run, sums_up=True)
        return

    from podunit.report import Report
    from podunit.rollback import carry_out
    from podunit.specs import discard_copy, remove_copies, write_copies

    report = Report()
    intake = Intake(settings, list_files, report, skip_unsupported=skip_unsupported, replicas=replicas, engine=engine)
    targets, copies = _plan_copies(settings, list_files()) if copy else ({}, {})
    said = [f"file {target}: created" for target in copies.values()]
    make_plan = plan_files(settings, intake, start_stopped=start_stopped, folder=folder, prune=prune, makes=not dry_run)

    async def run() -> Outcome:
        if dry_run:
            return await foresee_outcome(settings, make_plan)
        async with open_machine(settings) as machine:
            intake.refresh()
            # With `atomic` the time is that of the apply: to go back takes its own.
            limit, since = timeout if atomic else None, time.monotonic()
            await provide_bundled(intake.workload, machine, limit, since)
            plan = await make_plan(machine)
            await provide_images(plan, machine, limit, since)
            # What is kept was read where its file said.
            places = {} if replicas is not None else _move_places(intake.places, targets)
            if copy:
                discard_copy(settings.spec_folder)
            write_copies(copies)
            with telling_where_it_stops(plan, machine):
                done = await carry_out(
                    plan, machine, make_origin(message), places, atomic=atomic, timeout_sec=limit, since=since
                )
            if done.gone_back:
                remove_copies(copies)
                return done
            # What a file is warned of is said each time.
            if sight and not report.problems:
                await remember(settings, sight, plan, done, machine.manager)
            return done

    finish(settings, run, None if atomic else timeout, output, dry_run, said, sums_up=True)


def _move_places(places: Mapping[str, str], targets: Mapping[Path, Path]) -> Mapping[str, str]:
    """Where objects are, once these files are copied."""
    for file, target in targets.items():
        places = {key: place.replace(f"{file.absolute()}:", f"{target}:", 1) for key, place in places.items()}
    return places


@asynccontextmanager
async def open_machine(settings: Settings) -> AsyncIterator[Machine]:
    """All that a plan changes, with nobody else at work there, once what a dead command has left is completed."""
    from podunit.cli.output import print_note
    from podunit.completion import complete
    from podunit.generations import Generations
    from podunit.install import hold
    from podunit.manager import connect
    from podunit.residence import settle_in
    from podunit.rollback import Machine
    from podunit.state import StateFolder

    state, generations = StateFolder(settings.state_folder), Generations(settings.state_folder)
    # systemd first: without it nothing may be changed.
    async with connect(settings.scope) as manager, hold(settings.unit_directory, print_note) as directory:
        settle_in(directory.path, state, settings.usual_directory)
        for line in await complete(directory, state, manager, settings.scope):
            print_note(line)
        yield Machine(directory, state, generations, manager, settings.scope, settings.print_progress)


@contextmanager
def telling_where_it_stops(plan: Plan, machine: Machine) -> Iterator[None]:
    """If somebody ends the waiting, say in which state that leaves the pods."""
    import asyncio

    from podunit.cli.output import print_note
    from podunit.snapshots import list_changed_pods

    try:
        yield
    except asyncio.CancelledError:
        new, old = list_changed_pods(plan, machine.directory.read())
        print_note("the waiting was ended; what systemd has begun goes on: see systemctl list-jobs")
        for pods, state in ((new, "as they were applied"), (old, "as they were before")):
            if pods:
                print_note(f"units {state}: {', '.join(pods)}")
        print_note("another apply goes on from there, podunit rollout undo goes back")
        raise


def make_origin(message: str) -> Origin:
    """How what this command does comes to be."""
    import pwd
    import shlex
    import sys

    from podunit.generations import Origin
    from podunit.states import format_time

    def name(uid: int) -> str:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)

    command = shlex.join(["podunit", *sys.argv[1:]])
    at = format_time(time.time_ns() // 1000)
    return Origin(at, name(os.geteuid()), command, os.environ.get("SUDO_USER", ""), message)


def _plan_copies(settings: Settings, files: list[str]) -> tuple[dict[Path, Path], dict[Path, Path]]:
    """Where each file is in the spec folder, and which of them are still to be copied there."""
    from pathlib import Path

    from podunit.report import Report
    from podunit.source import list_files
    from podunit.specs import plan_copies

    folder = settings.spec_folder.absolute()
    every = [file for given in files for file in list_files(given, Report())]
    copies = plan_copies(every, folder)
    return {file: folder / file.name for file in map(Path, every)}, copies


def plan_files(
    settings: Settings,
    intake: Intake,
    *,
    start_stopped: bool,
    folder: Path | None,
    prune: bool,
    makes: bool = False,
) -> Callable[[Machine], Awaitable[Plan]]:
    """How what files describe is planned on a machine, as `planning.plan_apply` has it."""
    from podunit.controllers import find_controllers
    from podunit.planning import plan_apply

    async def make_plan(machine: Machine) -> Plan:
        intake.warn_of_limits(await find_controllers(machine.manager, settings.scope))
        return await plan_apply(
            intake.workload,
            intake.objects,
            machine.directory,
            machine.state,
            machine.manager,
            settings.scope,
            start_stopped=start_stopped,
            folder=folder,
            prune=prune,
            makes=makes,
        )

    return make_plan


async def foresee_plan(settings: Settings, make_plan: Callable[[Machine], Awaitable[Plan]]) -> Forecast:
    """What a plan would come to, made for a machine that is only looked at."""
    from podunit.cli.output import print_note
    from podunit.forecast import foresee
    from podunit.generations import Generations
    from podunit.install import UnitDirectory
    from podunit.manager import connect
    from podunit.residence import settle_in
    from podunit.rollback import Machine
    from podunit.state import StateFolder

    state, directory = StateFolder(settings.state_folder), UnitDirectory(settings.unit_directory)
    settle_in(directory.path, state, settings.usual_directory, dry_run=True)
    if directory.is_unsettled:
        print_note(f"another podunit is at work in {directory.path}, or was interrupted: an apply undoes that first")
    async with connect(settings.scope) as manager:
        machine = Machine(directory, state, Generations(settings.state_folder), manager, settings.scope)
        plan = await make_plan(machine)
        forecast = await foresee(plan, directory, state, manager)
    return replace(forecast, pulls=foresee_pulls(plan, settings.scope))


async def foresee_outcome(settings: Settings, make_plan: Callable[[Machine], Awaitable[Plan]]) -> Outcome:
    """What a dry run says; the images that would be pulled it says on the way."""
    forecast = await foresee_plan(settings, make_plan)
    for image in forecast.pulls:
        settings.print_progress(f"image {image}: would be pulled")
    return forecast.outcome


def finish(
    settings: Settings,
    run: Callable[[], Awaitable[Outcome]],
    timeout: float | None,
    output: OutcomeFormat,
    dry_run: bool,
    said: Iterable[str] = (),
    *,
    sums_up: bool = False,
) -> None:
    """Run a command, and tell what became of pods; `said` is what else went well then."""
    import asyncio

    from podunit.cli.loop import run_loop

    async def limited() -> Outcome:
        try:
            return await asyncio.wait_for(run(), timeout)
        except TimeoutError:
            raise PodunitError(f"not done within {timeout} s", "the jobs go on: see systemctl list-jobs") from None

    tell(settings, run_loop(limited()), output, dry_run, said, sums_up=sums_up)


def tell(
    settings: Settings,
    done: Outcome,
    output: OutcomeFormat,
    dry_run: bool,
    said: Iterable[str] = (),
    *,
    sums_up: bool = False,
) -> None:
    """Tell what became of pods; ends with status 1 if one is not up, and 4 if what was done is undone again."""
    from podunit.cli.output import describe_outcome, print_gone_back, print_json, print_outcome, print_sum

    if output is OutcomeFormat.JSON:
        print_json({**describe_outcome(done), "dryRun": dry_run})
    else:
        for line in said:
            settings.print_success(line)
        print_outcome(done, settings)
    if sums_up and not dry_run:
        print_sum(done, settings)
    if dry_run:
        note_dry_run(settings)
    if done.gone_back:
        print_gone_back(done, done.gone_back)
        raise typer.Exit(_GONE_BACK)
    if sums_up and not dry_run:
        _tell_the_way_back(settings, done)
    if any(outcome.job for outcome in done.pods):
        raise typer.Exit(1)


def _tell_the_way_back(settings: Settings, done: Outcome) -> None:
    """Say how to undo what has failed, where something is known of the time before."""
    from podunit.cli.output import print_hint
    from podunit.cli.pods import find_owner_word
    from podunit.generations import Fate, Generations
    from podunit.installed import list_pods

    failed = {outcome.pod for outcome in done.pods if outcome.job}
    if not failed:
        return
    pods = [pod for name, pod in list_pods(settings.read_units()).items() if name in failed]
    generations = Generations(settings.state_folder).read()
    done_keys = {key for one in generations for key, it in one.revisions.items() if it.fate is Fate.DONE}
    for word in dict.fromkeys(find_owner_word(pod) for pod in pods if pod.object_key in done_keys):
        print_hint(f"podunit rollout undo {word} brings back what was up before")


def note_dry_run(settings: Settings) -> None:
    from podunit.cli.output import print_note

    if not settings.quiet:
        print_note("a dry run: nothing was changed")
