"""How files are applied to a tree that is not running: an image to be, a mounted disk."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import typer

from podunit.chosen import Engine
from podunit.cli.applying import OutcomeFormat, tell
from podunit.cli.files import choose_files
from podunit.cli.intake import Intake
from podunit.cli.settings import Settings
from podunit.errors import PodunitError
from podunit.scope import Scope


def apply_to_tree(
    settings: Settings,
    root: Path,
    files: list[str] | None,
    output: OutcomeFormat,
    dry_run: bool,
    skip_unsupported: bool,
    engine: Engine | None,
    systemd: str | None,
    podman: str | None,
) -> None:
    from podunit.host import labels_files, list_full_networks
    from podunit.install import UnitDirectory, locked
    from podunit.offline import complete, install, require_enabling
    from podunit.report import Report
    from podunit.residence import settle_in
    from podunit.state import StateFolder
    from podunit.target import OLDEST, parse_target

    if settings.scope is Scope.USER:
        raise typer.BadParameter("--root is for the system's pods: use --system")
    try:
        target = parse_target(
            systemd or str(OLDEST.systemd),
            podman or OLDEST.podman_text,
            labels=labels_files(root),
            full_networks=list_full_networks(root),
        )
    except PodunitError as error:
        raise typer.BadParameter(f"{error.message}; {error.hint}") from None
    if not (root / "usr").is_dir():
        raise PodunitError(f"{root} is no tree of a system: it has no usr", "name the folder that / will be")
    require_enabling()
    settings = replace(settings, root=root.absolute())
    chosen, _ = choose_files(settings, files, prune=False)
    intake = Intake(settings, lambda: chosen, Report(), skip_unsupported=skip_unsupported, engine=engine)
    state = StateFolder(settings.state_folder)
    if dry_run:
        directory = UnitDirectory(settings.unit_directory)
        done = install(intake.workload, intake.objects, {}, directory, state, target, root, dry_run=True)
        tell(settings, done, output, dry_run=True)
        return
    try:
        with locked(settings.unit_directory) as directory:
            settle_in(directory.path, state, settings.usual_directory, settings.root or root)
            complete(directory, state, root)
            intake.refresh()
            places = {key: _strip(place, root) for key, place in intake.places.items()}
            done = install(intake.workload, intake.objects, places, directory, state, target, root)
    except BlockingIOError:
        raise PodunitError(f"another podunit is at work in {settings.unit_directory}") from None
    tell(settings, done, output, dry_run=False, sums_up=True)


def _strip(place: str, root: Path) -> str:
    """Where something will be once the tree is /, '' for what is not in it."""
    with suppress(ValueError):
        return f"/{Path(place).relative_to(root.absolute())}"
    return ""
