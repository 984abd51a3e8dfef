"""The commands of `rollout`: what pods were, and going back to it; waiting for them, and restarting them in order."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.applying import (
    OutcomeFormat,
    finish,
    foresee_outcome,
    make_origin,
    open_machine,
    telling_where_it_stops,
)
from podunit.cli.images import provide_images
from podunit.cli.lifecycle import DryRun, Message, Report, Timeout
from podunit.cli.pods import Pod, find_owner_word, find_pods, parse_word
from podunit.cli.settings import Settings
from podunit.cli.times import parse_duration
from podunit.condition import Condition
from podunit.errors import PodunitError

if TYPE_CHECKING:
    from podunit.generations import Generations, Past, Snapshot
    from podunit.planning import Outcome, Plan, Wish
    from podunit.rollback import Machine
    from podunit.snapshots import PodChange
    from podunit.state import StateFolder
    from podunit.states import PodSummary

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="What pods were and are about to be: history, status, undo, restart.",
)

Revision = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="A revision of its history.", show_default=False)
]


@app.command()
def history(
    context: typer.Context,
    pod: Pod,
    revision: Revision = None,
    output: Annotated[OutcomeFormat, typer.Option("--output", "-o", help="How to print it.")] = OutcomeFormat.TEXT,
) -> None:
    """Show the revisions of a pod or an owner: when, by whom, why, and what changed."""
    from podunit.cli.output import print_json, print_table
    from podunit.generations import Generations

    settings: Settings = context.obj
    generations = Generations(settings.state_folder)
    key, there = _take(settings, pod)
    past = generations.list_past(key, there)
    if revision is not None:
        _find(pod, past, revision)
    shown = [(one, before) for one, before in zip(past, (None, *past), strict=False)]
    shown = [(one, before) for one, before in shown if revision in (None, one.generation.number)]
    if output is OutcomeFormat.JSON:
        revisions = [_describe(key, one, before, generations) for one, before in shown]
        print_json({"schemaVersion": 1, "name": pod, "revisions": revisions})
    elif revision is not None:
        _print_revision(key, *shown[0], generations)
    else:
        rows = [_list_cells(key, one, before, generations) for one, before in shown]
        print_table(("REVISION", "TIME", "WHO", "STATE", "CHANGED", "WHY"), rows)


@app.command()
def status(
    context: typer.Context,
    pod: Pod,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="Wait at most so long: 30s, 1m30s; 0 for ever.")
    ] = "0",
) -> None:
    """Wait until all its pods are up and ready; ends with status 1 if they are not in time, or cannot get so."""
    import math

    from podunit.cli.loop import run_loop
    from podunit.cli.output import print_unmet
    from podunit.manager import connect
    from podunit.waiting import wait_for

    settings: Settings = context.obj
    timeout_sec = parse_duration(timeout, "--timeout") or math.inf
    pods = find_pods(settings, [pod])
    up: list[str] = []

    def tell(summary: PodSummary, met: bool) -> None:
        if met:
            up.append(summary.pod)
            settings.print_success(f"pod {summary.pod}: ready, {len(up)} of {len(pods)}")
        else:
            print_unmet(summary, Condition.READY, "it can no longer become so")

    async def run() -> tuple[PodSummary, ...]:
        async with connect(settings.scope) as manager:
            return await wait_for(manager, pods, Condition.READY, settings.scope, timeout_sec, tell)

    for summary in run_loop(run()):
        print_unmet(summary, Condition.READY, f"not within {timeout_sec:g} s")
    if len(up) < len(pods):
        raise typer.Exit(1)


@app.command()
def undo(
    context: typer.Context,
    pod: Pod,
    to: Annotated[
        int | None,
        typer.Option("--to", metavar="N", min=1, help="A revision of its history; else the last.", show_default=False),
    ] = None,
    message: Message = "",
    timeout: Timeout = None,
    output: Report = OutcomeFormat.TEXT,
    dry_run: DryRun = False,
) -> None:
    """Go back to an earlier revision: its units, the files that they read, and its objects."""
    from podunit.generations import Generations
    from podunit.state import StateFolder

    settings: Settings = context.obj
    # What is asked for has to be there before anything else is waited for.
    _choose(settings, pod, to)

    def make_wish() -> tuple[Wish, Mapping[str, str], str]:
        key, chosen = _choose(settings, pod, to)
        number = chosen.generation.number
        snapshot = Generations(settings.state_folder).load(key, chosen.revision)
        wish = _make_wish([snapshot], f"revision {number} of {pod}", restarts=False)
        wish = replace(wish, objects=_choose_objects(settings, snapshot))
        _warn(settings, StateFolder(settings.state_folder), snapshot, wish, chosen)
        places = {name: place for name, place in snapshot.places.items() if name in wish.objects}
        return wish, places, message or f"undo to revision {number}"

    _carry_out(settings, make_wish, timeout, output, dry_run)


@app.command()
def restart(
    context: typer.Context,
    pod: Pod,
    timeout: Timeout = None,
    output: Report = OutcomeFormat.TEXT,
    dry_run: DryRun = False,
) -> None:
    """Restart its pods as its strategy says, one after the other; what is stopped stays so."""
    from podunit.workload import Replacement

    settings: Settings = context.obj
    _take(settings, pod)

    def make_wish() -> tuple[Wish, Mapping[str, str], str]:
        _, there = _take(settings, pod)
        wish = _make_wish([there], pod, restarts=True)
        for controller in wish.workload.controllers:
            if controller.replacement is Replacement.ON_DELETE:
                raise PodunitError(f"{pod} replaces no pod that runs", f"podunit restart {pod} restarts all at once")
            if controller.paused:
                raise PodunitError(f"{pod} is paused", "remove 'paused' from its file, and apply that")
        return replace(wish, objects={}), {}, ""

    _carry_out(settings, make_wish, timeout, output, dry_run)


def _carry_out(
    settings: Settings,
    make_wish: Callable[[], tuple[Wish, Mapping[str, str], str]],
    timeout: float | None,
    output: OutcomeFormat,
    dry_run: bool,
) -> None:
    """Let a wish come true, with where its objects were read, and why; it is made with nobody else at work."""
    from podunit.planning import plan_wish
    from podunit.rollback import carry_out, find_fallen

    async def make_plan(machine: Machine, wish: Wish) -> Plan:
        # One that has failed, or is about to, waits for nothing that helps.
        pods = [pod.name for pod in wish.workload.pods if not (pod.run or pod.schedule)]
        fallen = await find_fallen(machine.manager, pods, ("active", "inactive"))
        return await plan_wish(replace(wish, fallen=fallen), machine.directory, machine.state, machine.manager)

    async def run() -> Outcome:
        if dry_run:
            wish, _, _ = make_wish()
            return await foresee_outcome(settings, lambda machine: make_plan(machine, wish))
        async with open_machine(settings) as machine:
            wish, places, message = make_wish()
            plan = await make_plan(machine, wish)
            await provide_images(plan, machine)
            with telling_where_it_stops(plan, machine):
                return await carry_out(plan, machine, make_origin(message), places)

    finish(settings, run, timeout, output, dry_run, sums_up=True)


def _choose(settings: Settings, pod: str, to: int | None) -> tuple[str, Past]:
    """The key of what a word names, and the revision to which it goes back."""
    from podunit.generations import Generations

    key, there = _take(settings, pod)
    generations = Generations(settings.state_folder)
    past = generations.list_past(key, there)
    chosen = _find(pod, past, to) if to is not None else generations.choose(past, there)
    if chosen is None:
        raise PodunitError(f"there is no earlier revision of {pod} that came up", f"see podunit rollout history {pod}")
    return key, chosen


def _take(settings: Settings, word: str) -> tuple[str, Snapshot]:
    """The key of what a word names, and what is there of it."""
    from podunit.installed import list_pods
    from podunit.snapshots import take
    from podunit.state import StateFolder

    state = StateFolder(settings.state_folder)
    pods = list_pods(settings.read_units()).values()
    kind, name = parse_word(word) or ("Pod", word)
    key = f"{kind}.{name}"
    found = take([key], pods, state)
    if key not in found:
        # Says what there is instead.
        (owned, *_) = find_pods(settings, [word])
        raise PodunitError(f"pod '{name}' is one of {owned.owner}", f"name that: {find_owner_word(owned)}")
    if kind == "Job":
        raise PodunitError(f"{word} runs once, and has no rollout", "to run it again: podunit restart")
    return key, found[key]


def _find(word: str, past: Iterable[Past], number: int) -> Past:
    past = tuple(past)
    for one in past:
        if one.generation.number == number:
            return one
    known = ", ".join(str(one.generation.number) for one in past)
    raise PodunitError(f"there is no revision {number} of {word}", f"revisions: {known or 'none'}")


def _make_wish(snapshots: Iterable[Snapshot], name: str, *, restarts: bool) -> Wish:
    from podunit.cli.output import print_report
    from podunit.report import Report as Problems
    from podunit.snapshots import wish_for

    report = Problems()
    wish = wish_for(snapshots, report, name, restarts=restarts)
    if wish is None:
        print_report(report)
        raise typer.Exit(1)
    return wish


def _choose_objects(settings: Settings, snapshot: Snapshot) -> dict[str, str]:
    """The objects that are brought back: its own, and those to which no other one refers."""
    from podunit.cli.output import print_note
    from podunit.installed import list_pods
    from podunit.snapshots import list_shared
    from podunit.state import StateFolder

    state = StateFolder(settings.state_folder)
    pods = list_pods(settings.read_units()).values()
    shared = list_shared(snapshot.key, snapshot.objects, pods, state)
    for name, other in shared.items():
        if state.read_object(name) != snapshot.objects[name]:
            print_note(f"{name} is also used by {other}, and stays as it is: what is read here is the earlier one")
    return {name: text for name, text in snapshot.objects.items() if name not in shared}


def _warn(settings: Settings, state: StateFolder, snapshot: Snapshot, wish: Wish, chosen: Past) -> None:
    """Say which files say otherwise, and which images are others now."""
    from podunit.cli.files import load_documents
    from podunit.cli.output import print_note
    from podunit.documents import dump_document
    from podunit.host import list_known_images
    from podunit.report import Report as Problems
    from podunit.specs import find_file

    # A file that was applied under another name meanwhile counts as well.
    every = (*snapshot.places.items(), *state.read_places().items())
    files = {find_file(place): None for name, place in every if name in wish.objects}
    choice = settings.choose_engine(None, Problems())
    for file in files:
        if file is None or not file.is_file():
            continue
        documents = load_documents([str(file)], Problems(), choice=choice)
        said = {one.key: dump_document(one.node) for one in documents}
        if any(said.get(name, text) != text for name, text in wish.objects.items()):
            print_note(f"{file} says otherwise: the next apply of it brings that back")
    known = list_known_images() if chosen.revision.images else {}
    for image, digest in chosen.revision.images.items():
        if known.get(image, digest) != digest:
            print_note(f"image {image} is another one now than it was then")


def _list_cells(key: str, one: Past, before: Past | None, generations: Generations) -> tuple[str, ...]:
    origin = one.generation.origin
    who = f"{origin.user} ({origin.caller})" if origin.caller else origin.user
    state = "current" if one.current else "interrupted" if one.revision.fate == "begun" else one.revision.fate
    changed = _count(_compare(key, one, before, generations))
    return (str(one.generation.number), origin.at, who, state, changed, origin.message or origin.command)


def _compare(key: str, one: Past, before: Past | None, generations: Generations) -> dict[str, PodChange]:
    from podunit.snapshots import compare

    earlier = generations.load(key, before.revision) if before else None
    return compare(earlier, generations.load(key, one.revision))


def _count(changes: dict[str, PodChange]) -> str:
    """How much differs in all pods: '2 units, 1 file'."""
    units = sum(len((*one.created, *one.updated, *one.removed)) for one in changes.values())
    files = sum(len(one.files) for one in changes.values())
    parts = ((len(changes), "pod"), (units, "unit"), (files, "file"))
    return ", ".join(f"{number} {word}{'s' if number > 1 else ''}" for number, word in parts if number) or "-"


def _describe(key: str, one: Past, before: Past | None, generations: Generations) -> dict[str, object]:
    """A revision as the object that is printed as JSON; its keys are stable."""
    return {
        "revision": one.generation.number,
        **asdict(one.generation.origin),
        "fate": one.revision.fate,
        "current": one.current,
        "pods": sorted(one.revision.pods),
        "images": dict(one.revision.images),
        "changed": {pod: asdict(change) for pod, change in _compare(key, one, before, generations).items()},
    }


def _print_revision(key: str, one: Past, before: Past | None, generations: Generations) -> None:
    from podunit.generations import Snapshot
    from podunit.plan import describe_file
    from podunit.snapshots import compare

    origin = one.generation.origin
    cells = _list_cells(key, one, before, generations)
    for word, text in zip(("revision", "time", "who", "state"), cells, strict=False):
        print(f"{word}: {text}")
    for word, text in (("command", origin.command), ("message", origin.message)):
        if text:
            print(f"{word}: {text}")
    for image, digest in one.revision.images.items():
        print(f"image {image}: {digest}")
    after = generations.load(key, one.revision)
    earlier = generations.load(key, before.revision) if before else Snapshot(key, {}, {}, {})
    for pod, change in compare(earlier, after).items():
        print(f"pod {pod}:")
        for text in dict.fromkeys(f"{describe_file(path)}: changed" for path in change.files):
            print(f"  {text}")
        for word, names in (("created", change.created), ("removed", change.removed), ("updated", change.updated)):
            for name in names:
                print(f"  unit {name}: {word}")
        for name in change.updated:
            old, new = earlier.pods[pod].texts[name], after.pods[pod].texts[name]
            print("\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), name, name, lineterm="")))
