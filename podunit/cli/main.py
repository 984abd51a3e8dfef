"""The command `podunit`: its global options, and its commands.

Exit status: 0, 1 the input has problems or a pod failed, 2 usage, 3 the system refused, 4 gone back, 130 and 143
interrupted; `exec` has its command's, and `diff` has 1 for a difference and 2 for problems. What a command needs is
imported inside it: the start-up of one is not paid by all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from podunit.cli import attach, collecting, describing, diff, explain, files, lifecycle, listing, rollouts, watching
from podunit.cli.output import Color, set_color
from podunit.cli.settings import Settings
from podunit.cli.version import print_version
from podunit.scope import Scope

# In the order of the help. What is no function is a group of commands.
_COMMANDS: Mapping[str, Callable[..., None] | typer.Typer] = {
    "validate": files.validate,
    "compile": files.compile_,
    "explain": explain.explain,
    "diff": diff.diff,
    "apply": lifecycle.apply,
    "up": lifecycle.up,
    "down": lifecycle.down,
    "delete": lifecycle.delete,
    "scale": lifecycle.scale,
    "start": lifecycle.start,
    "stop": lifecycle.stop,
    "restart": lifecycle.restart,
    "enable": lifecycle.enable,
    "disable": lifecycle.disable,
    "ps": listing.ps,
    "status": listing.status,
    "describe": describing.describe,
    "wait": watching.wait,
    "top": watching.top,
    "events": watching.events,
    "logs": attach.logs,
    "exec": attach.exec_,
    "gc": collecting.gc,
    "uninstall": lifecycle.uninstall,
    "rollout": rollouts.app,
}


class _Commands(TyperGroup):
    """Understands a command when it is asked for: to do that for all takes as long as Typer takes to start."""

    def list_commands(self, _: Any) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: Any, name: str) -> Any:
        if name in _COMMANDS and name not in self.commands:
            self.add_command(_understand(name), name)
        return super().get_command(context, name)

    def resolve_command(self, context: Any, words: list[str]) -> Any:
        if words[0] not in _COMMANDS:
            # What may have been meant is looked for among all of them.
            for name in _COMMANDS:
                self.get_command(context, name)
        return super().resolve_command(context, words)


def _understand(name: str) -> Any:
    command = _COMMANDS[name]
    if isinstance(command, typer.Typer):
        return typer.main.get_command(command)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name)(command)
    return typer.main.get_command(alone)


app = typer.Typer(
    cls=_Commands,
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
    machine: Annotated[
        str,
        typer.Option(
            "--machine", "-M", metavar="USER@", help="The pods of a user, managed by root.", show_default=False
        ),
    ] = "",
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
    if machine:
        from podunit.cli.become import become

        if user is False:
            raise typer.BadParameter("--machine USER@ is for the user's pods: leave out --system")
        become(machine)
    scope = Scope.default() if user is None else Scope.USER if user else Scope.SYSTEM
    context.obj = Settings(scope, unit_dir, quiet, verbose)
