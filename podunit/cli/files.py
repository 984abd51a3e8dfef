"""Commands that only read files: `validate` and `compile`. They need neither systemd nor podman."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from podunit.chosen import Choice, Engine
from podunit.cli.output import Format, print_report
from podunit.cli.settings import Settings

if TYPE_CHECKING:
    from podunit.load import Document
    from podunit.report import Position, Report
    from podunit.scope import Scope
    from podunit.workload import Workload

Loaded = TypeVar("Loaded")

Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="YAML files, folders of them, or - for standard input.", show_default=False),
]

FilesOrFolder = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE...]",
        help="YAML files, folders of them, or - for standard input; by default the spec folder.",
        show_default=False,
    ),
]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Delete the pods that the spec folder has no longer; their persistent volumes stay."),
]
SkipUnsupported = Annotated[
    bool, typer.Option("--skip-unsupported", help="Warn of kinds that podunit does not run, and take the rest.")
]
EngineOption = Annotated[
    Engine | None,
    typer.Option(
        "--engine",
        help="What runs pods that have no podunit/engine; by default as podunit.toml says.",
        show_default=False,
    ),
]
# The same on every host: podunit.toml is not looked at.
EngineAlone = Annotated[
    Engine, typer.Option("--engine", help="What runs pods that name no engine; podunit.toml is not read.")
]


def load(
    files: list[str],
    engine: Engine,
    form: Format = Format.TEXT,
    *,
    skip_unsupported: bool = False,
    scope: Scope | None = None,
) -> Workload:
    """What the files describe, for a manager of the scope; prints problems, and ends with status 1 for an error."""
    from podunit.defaults import choose_by_option
    from podunit.load import load_files
    from podunit.report import Report

    report = Report()
    choice = choose_by_option(engine)
    found = load_files(files, report, skip_unsupported=skip_unsupported, choice=choice)
    return check(_refuse_users(found, scope, report), report, form)


def _refuse_users(found: Workload | None, scope: Scope | None, report: Report) -> Workload | None:
    from podunit.kubernetes.engines import refuse_users

    if found and scope:
        refuse_users(found.pods, scope, report)
    return None if report.failed else found


def load_documents(
    files: Iterable[str],
    report: Report,
    *,
    skip_unsupported: bool = False,
    replicas: int | None = None,
    choice: Choice | None = None,
) -> tuple[Document, ...]:
    """The objects of the files; with `replicas` those are kept controllers, which get this number of pods.

    The `choice` is for pods that name no engine.
    """
    from podunit.load import choose, read_documents, scale

    documents = choose(read_documents(files, report, skip_unsupported=skip_unsupported), choice)
    return documents if replicas is None else tuple(scale(document, replicas) for document in documents)


def translate(
    documents: tuple[Document, ...],
    kept: Mapping[str, Path],
    installed: Iterable[str],
    report: Report,
    scope: Scope | None = None,
) -> Workload | None:
    """All pods that these objects concern, with what earlier applies have kept; None if there is an error.

    Those applies have said what there is to warn of in what they kept.
    """
    from podunit.load import find_kept, translate_with_kept

    found = translate_with_kept(documents, find_kept(documents, kept, installed, report), report)
    given = {document.node.at.file for document in documents}
    report.drop_warnings({str(file) for file in kept.values()} - given)
    return _refuse_users(found, scope, report)


def load_and_check(files: list[str], kept: Mapping[str, Path], *, skip_unsupported: bool) -> tuple[Document, ...]:
    """The objects of the files, which describe pods beside these; prints their problems, ends with 1 for an error."""
    from podunit.report import Report

    report = Report()
    documents = load_documents(files, report, skip_unsupported=skip_unsupported)
    check(translate(documents, kept, (), report), report)
    return documents


def locate(at: Position) -> str:
    """A place in a file that can be found from anywhere, '' for standard input."""
    return "" if at.file == "-" else f"{Path(at.file).absolute()}:{at.line}:{at.column}"


def choose_files(settings: Settings, files: list[str] | None, *, prune: bool) -> tuple[list[str], Path | None]:
    """The files to apply, and the spec folder if they are all of it; PodunitError if there is no such folder.

    A folder whose last file has gone is empty on purpose.
    """
    from podunit.errors import PodunitError
    from podunit.specs import find_file
    from podunit.state import StateFolder

    if files:
        if prune:
            raise typer.BadParameter("--prune goes with the spec folder: name no file")
        return files, None
    folder = settings.spec_folder
    if not folder.is_dir():
        raise PodunitError(f"there is no folder {folder}", "make it for the pods of this host, or name a file")
    known = map(find_file, StateFolder(settings.state_folder).read_places().values())
    is_empty = not any(file.suffix in (".yaml", ".yml", ".json") for file in folder.iterdir())
    emptied = is_empty and any(file and file.parent == folder.absolute() for file in known)
    return [] if emptied else [str(folder)], folder


def check(found: Loaded | None, report: Report, form: Format = Format.TEXT) -> Loaded:
    """What was found; prints the problems, and ends with status 1 if nothing was, because of an error."""
    if report.problems or form is Format.JSON:
        print_report(report, form)
    if found is None:
        raise typer.Exit(1)
    return found


def validate(
    files: Files,
    form: Annotated[Format, typer.Option("--format", help="How problems are printed.")] = Format.TEXT,
    engine: EngineAlone = Engine.PODMAN,
    skip_unsupported: SkipUnsupported = False,
) -> None:
    """Say what is wrong with pod files, at file:line:column. Nothing is changed."""
    load(files, engine, form, skip_unsupported=skip_unsupported)


def compile_(
    context: typer.Context,
    files: Files,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Write the units into this directory.", show_default=False),
    ] = None,
    systemd: Annotated[str, typer.Option(metavar="VERSION", help="Write for this systemd.")] = "252",
    podman: Annotated[str, typer.Option(metavar="VERSION", help="Write for this podman.")] = "4.3.1",
    engine: EngineAlone = Engine.PODMAN,
    skip_unsupported: SkipUnsupported = False,
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
    workload = load(files, engine, skip_unsupported=skip_unsupported, scope=settings.scope)
    units = {unit.name: render(unit) for unit in generate(workload, settings.scope, target)}
    if output is None:
        # The same bytes whatever the locale.
        sys.stdout.buffer.write("\n".join(f"# file {name}\n{text}" for name, text in units.items()).encode())
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in units.items():
            _write_changed(output / name, text.encode())
    except OSError as error:
        raise PodunitError(f"{error.filename}: {(error.strerror or str(error)).lower()}") from None


def _write_changed(file: Path, data: bytes) -> None:
    """Write a file unless it says the same already: its time is then that of its last change, and a disk is spared."""
    with suppress(OSError):
        if file.read_bytes() == data:
            return
    file.write_bytes(data)
