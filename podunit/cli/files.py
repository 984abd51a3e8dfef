"""Commands that only read files: `validate` and `compile`. They need neither systemd nor podman."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from podunit.cli.output import Format, print_report
from podunit.cli.settings import Settings
from podunit.model import Workload

Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="YAML files, folders of them, or - for standard input.", show_default=False),
]


def load(files: list[str], form: Format = Format.TEXT) -> Workload:
    """The pods of the files; prints their problems, and ends with status 1 if there is an error."""
    from podunit.load import load_files
    from podunit.report import Report

    report = Report()
    workload = load_files(files, report)
    if report.problems or form is Format.JSON:
        print_report(report, form)
    if workload is None:
        raise typer.Exit(1)
    return workload


def validate(
    files: Files,
    form: Annotated[Format, typer.Option("--format", help="How problems are printed.")] = Format.TEXT,
) -> None:
    """Say what is wrong with pod files, at file:line:column. Nothing is changed."""
    load(files, form)


def compile_(
    context: typer.Context,
    files: Files,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Write the units into this directory.", show_default=False),
    ] = None,
    systemd: Annotated[str, typer.Option(metavar="VERSION", help="Write for this systemd.")] = "252",
    podman: Annotated[str, typer.Option(metavar="VERSION", help="Write for this podman.")] = "4.3.1",
) -> None:
    """Print the systemd units of pods, or write them into a directory. Nothing else is changed."""
    from podunit.errors import PodunitError
    from podunit.generate import generate
    from podunit.render import render
    from podunit.target import parse_target

    settings: Settings = context.obj
    try:
        target = parse_target(systemd, podman)
    except PodunitError as error:
        raise typer.BadParameter(f"{error.message}; {error.hint}") from None
    units = {unit.name: render(unit) for unit in generate(load(files), settings.scope, target)}
    if output is None:
        # The same bytes whatever the locale.
        sys.stdout.buffer.write("\n".join(f"# file {name}\n{text}" for name, text in units.items()).encode())
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in units.items():
            (output / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise PodunitError(f"{error.filename}: {(error.strerror or str(error)).lower()}") from None
