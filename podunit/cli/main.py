"""The command `podunit`: its global options, and its commands.

Exit status: 0, 1 the input has problems or a pod failed, 2 usage, 3 the system refused, 4 gone back, 130 and 143
interrupted; `exec` has its command's, and `diff` has 1 for a difference and 2 for problems. What a command needs is
imported inside it: the start-up of one is not paid by all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from podunit.cli import attach, collecting, describing, diff, explain, files, lifecycle, listing, rollouts, watching
from podunit.cli.output import Color, set_color
from podunit.cli.settings import Settings
from podunit.cli.version import print_version
from podunit.scope import Scope

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_version()
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
    collecting.gc,
    lifecycle.uninstall,
):
    app.command(command.__name__.rstrip("_"))(command)


app.add_typer(rollouts.app, name="rollout")
