"""Where the files that ship with podunit are: `templates/` and `units/`, inside the package or beside it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def find_folder(name: str) -> Path:
    """The folder NAME of an installed package, or of a checkout; an editable install has it beside the package."""
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
