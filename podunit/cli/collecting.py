"""The command that removes what podunit has left behind and nothing needs: gc."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from podunit.cli.applying import note_dry_run, open_machine
from podunit.cli.lifecycle import DryRun
from podunit.cli.settings import Settings

if TYPE_CHECKING:
    from podunit.garbage import Garbage


def gc(context: typer.Context, dry_run: DryRun = False) -> None:
    """Remove what no pod needs: old revisions, files of pods that are gone, images and networks."""
    from podunit.cli.loop import run_loop
    from podunit.garbage import find_garbage, remove_garbage
    from podunit.generations import Generations
    from podunit.state import StateFolder

    settings: Settings = context.obj

    async def run() -> Garbage:
        async with open_machine(settings) as machine:
            found = find_garbage(machine.directory.read(), machine.state, machine.generations)
            return remove_garbage(found, machine.generations)

    if dry_run:
        folder = settings.state_folder
        found = find_garbage(settings.read_all_units(), StateFolder(folder), Generations(folder))
    else:
        found = run_loop(run())
    for text in found.revisions:
        settings.print_success(f"{text}: removed")
    for path in found.paths:
        settings.print_success(f"{path}: removed")
    for name in found.images:
        settings.print_success(f"image {name}: removed")
    for name in found.networks:
        settings.print_success(f"network {name}: removed")
    if dry_run:
        note_dry_run(settings)
