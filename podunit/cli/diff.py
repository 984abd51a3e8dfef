"""The command that shows what an apply would change, and what others have changed: diff. It changes nothing itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from podunit.cli.applying import OutcomeFormat, foresee_plan, plan_files
from podunit.cli.files import EngineOption, FilesOrFolder, Prune, SkipUnsupported, choose_files
from podunit.cli.intake import Intake
from podunit.cli.settings import Settings

if TYPE_CHECKING:
    from podunit.forecast import Forecast, PodForecast
    from podunit.install import Change

# What a shell is told, as by kubectl diff; the system's no is 3, as everywhere.
_DIFFERS = 1
_INVALID = 2


def diff(
    context: typer.Context,
    files: FilesOrFolder = None,
    output: Annotated[OutcomeFormat, typer.Option("--output", "-o", help="How to print it.")] = OutcomeFormat.TEXT,
    prune: Prune = False,
    engine: EngineOption = None,
    skip_unsupported: SkipUnsupported = False,
) -> None:
    """Show what an apply would change, what it would restart and why; ends with status 1 if there is anything."""
    from podunit.cli.loop import run_loop
    from podunit.cli.output import print_json
    from podunit.report import Report

    settings: Settings = context.obj
    try:
        given, folder = choose_files(settings, files, prune=prune)
        intake = Intake(settings, lambda: given, Report(), skip_unsupported=skip_unsupported, engine=engine)
    except typer.Exit:
        raise typer.Exit(_INVALID) from None
    make_plan = plan_files(settings, intake, start_stopped=False, folder=folder, prune=prune)
    forecast = run_loop(foresee_plan(settings, make_plan))
    if output is OutcomeFormat.JSON:
        print_json(describe(forecast))
    else:
        _print(forecast)
    if forecast.differs:
        raise typer.Exit(_DIFFERS)


def describe(forecast: Forecast) -> dict[str, object]:
    """The plan as the object that is printed as JSON; its keys are stable."""
    return {
        "schemaVersion": 1,
        "differs": forecast.differs,
        "pods": [
            {
                "pod": pod.pod,
                "done": list(pod.done),
                "reasons": list(pod.reasons),
                "units": _describe_change(pod.change, forecast),
                "files": list(pod.files),
                "limits": {unit: list(directives) for unit, directives in pod.limits.items()},
                "drift": [drift.describe() for drift in pod.drift],
            }
            for pod in forecast.pods
        ],
        "units": _describe_change(forecast.rest, forecast),
        "objects": dict(forecast.outcome.objects),
        "pulls": list(forecast.pulls),
    }


def _describe_change(change: Change, forecast: Forecast) -> dict[str, object]:
    return {
        "created": list(change.created),
        "updated": [{"unit": name, "diff": "\n".join(_compare(name, forecast))} for name in change.updated],
        "removed": list(change.removed),
    }


def _print(forecast: Forecast) -> None:
    from podunit.cli.output import list_object_words

    for line in list_object_words(forecast.outcome):
        if not line.endswith(": unchanged"):
            print(line)
    for image in forecast.pulls:
        print(f"image {image}: pulled first")
    _print_change(forecast.rest, forecast, "")
    for pod in forecast.pods:
        if pod.differs or pod.drift or pod.vanished:
            _print_pod(pod, forecast)


def _print_pod(pod: PodForecast, forecast: Forecast) -> None:
    from podunit.plan import describe_file

    print(f"pod {pod.pod}: {', '.join(pod.done)}")
    for reason in pod.reasons:
        print(f"  because {reason}")
    for unit, directives in pod.limits.items():
        print(f"  limits of {unit} change, applied live: {', '.join(directives)}")
    # One secret may be several variables.
    for text in dict.fromkeys(f"{describe_file(path)}: updated" for path in pod.files):
        print(f"  {text}")
    for drift in pod.drift:
        print(f"  drift: {drift}")
    _print_change(pod.change, forecast, "  ")


def _print_change(change: Change, forecast: Forecast, indent: str) -> None:
    for word, names in (("created", change.created), ("removed", change.removed), ("updated", change.updated)):
        for name in names:
            print(f"{indent}unit {name}: {word}")
    for name in change.updated:
        for line in _color(_compare(name, forecast)):
            print(line)


def _compare(name: str, forecast: Forecast) -> list[str]:
    """A unified diff of a unit as it is and as it would be."""
    import difflib

    before, after = forecast.before[name].splitlines(), forecast.after[name].splitlines()
    return list(difflib.unified_diff(before, after, f"installed/{name}", f"applied/{name}", lineterm=""))


def _color(lines: Iterable[str]) -> Iterable[str]:
    from podunit.cli.output import paint

    colors = {"@": "36", "+": "32", "-": "31"}
    for number, line in enumerate(lines):
        # The first two lines name the files.
        color = "1" if number < 2 else colors.get(line[:1])
        yield paint(line, color) if color else line
