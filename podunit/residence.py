"""One unit directory for one state folder: what is kept there is that of the pods in one place, and of no others.

In: the unit directory of a command, which is locked, and the state folder. Out: a note in that folder where the
directory is not the usual one, or PodunitError.
"""

from __future__ import annotations

from pathlib import Path

from podunit.errors import PodunitError
from podunit.exchange import sync
from podunit.install import UnitDirectory
from podunit.installed import list_pods
from podunit.private import explained, write_private
from podunit.state import StateFolder

_NOTE = "unit-directory"


def settle_in(
    directory: Path, state: StateFolder, usual: Path, root: Path = Path("/"), *, dry_run: bool = False
) -> None:
    """Let the state be that of the pods in this directory; PodunitError while it is that of pods in another one.

    Noted are paths as they are in the tree `root`; in a dry run, nothing.
    """
    note = state.path / _NOTE
    with explained(note):
        noted = root / note.read_text(encoding="utf-8").lstrip("/") if note.exists() else usual
        here = directory.resolve()
        if noted.resolve() != here and (pods := list_pods(UnitDirectory(noted).read())):
            raise PodunitError(
                f"{state.path} belongs to the pods in {noted}: {', '.join(pods)}",
                f"say --unit-dir {_name(noted, root)}, or delete those pods before they go elsewhere",
            )
        if dry_run:
            return
        if usual.resolve() == here:
            note.unlink(missing_ok=True)
        elif noted.resolve() != here or not note.exists():
            state.path.mkdir(parents=True, exist_ok=True)
            write_private(note, _name(directory, root).encode())
            sync(state.path)


def _name(directory: Path, root: Path) -> str:
    return f"/{directory.absolute().relative_to(root.absolute())}"
