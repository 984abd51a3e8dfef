"""The command `podunit`: its commands, and how each ends.

Exit status: 0, 1 the input has problems or a pod failed, 2 usage, 3 the system refused, 130 and 143 interrupted; `exec`
has its command's, and `diff` has 1 for a difference and 2 for problems. What a command needs is imported inside it: the
start-up of one is not paid by all.
"""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn, cast

import typer

from podunit.cli import attach, describing, diff, explain, files, lifecycle, listing, watching
from podunit.cli.output import Color, print_error, set_color
from podunit.cli.settings import Settings
from podunit.errors import PodunitError
from podunit.scope import Scope

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from podunit import __version__

        print(f"podunit {__version__}")
        raise typer.Exit


@app.callback(help="Run pods as native systemd units.")
def _main(
    context: typer.Context,
    user: Annotated[
        bool | None,
        typer.Option(
            "--user/--system", help="Which systemd: yours, or the system's (default for root).", show_default=False
        ),
    ] = None,
    unit_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the generated units are; systemd has to look there.", show_default=False
        ),
    ] = None,
    color: Annotated[Color, typer.Option(help="When to use colors.")] = Color.AUTO,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing about what went well.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print each unit that is written.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it all
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    set_color(color)
    scope = Scope.default() if user is None else Scope.USER if user else Scope.SYSTEM
    context.obj = Settings(scope, unit_dir, quiet, verbose)


for command in (
    files.validate,
    files.compile_,
    explain.explain,
    diff.diff,
    lifecycle.apply,
    lifecycle.up,
    lifecycle.down,
    lifecycle.delete,
    lifecycle.scale,
    lifecycle.start,
    lifecycle.stop,
    lifecycle.restart,
    lifecycle.enable,
    lifecycle.disable,
    listing.ps,
    listing.status,
    describing.describe,
    watching.wait,
    watching.top,
    watching.events,
    attach.logs,
    attach.exec_,
    lifecycle.uninstall,
):
    app.command(command.__name__.rstrip("_"))(command)


def run() -> None:
    """Run the command line and end the process."""
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        # What the locale cannot show is escaped; a message is never lost for that.
        cast(TextIOWrapper, stream).reconfigure(errors="backslashreplace")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except PodunitError as error:
        print_error(error)
        status = 3
    except BrokenPipeError:
        # Whoever read this has seen enough. The interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + signal.SIGPIPE
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print_error(PodunitError(f"standard output: {(error.strerror or str(error)).lower()}"))
        status = 3
    sys.exit(status)


def _terminate(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
