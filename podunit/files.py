"""The files that ship with podunit: where `templates/` and `units/` are, and the units that are the same for all pods.

In: the name of a folder. Out: its path; the texts of units, as they are installed.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from podunit.errors import PodunitError

_PACKAGE = Path(__file__).parent
_PROBER = "podunit-prober"


def find_folder(name: str) -> Path:
    """The folder NAME of an installed package, or of a checkout; an editable install has it beside the package."""
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def read_static_units(prober: Path | None = None) -> Mapping[str, str]:
    """The units that belong to no single pod, by name; they start podunit's own program where it is installed."""
    prober = prober or _find_prober()
    texts = {file.name: file.read_text(encoding="utf-8") for file in sorted(find_folder("units").iterdir())}
    shipped = f"ExecStart=/usr/local/bin/{_PROBER}\n"
    return {name: text.replace(shipped, f"ExecStart={prober}\n") for name, text in texts.items()}


def find_prober_below(root: Path) -> Path | None:
    """Where podunit's own program will be once this folder is /, None if it is not in there."""
    folders = (Path(sys.executable).parent, Path("/usr/local/bin"), Path("/usr/bin"))
    known = (folder / _PROBER for folder in folders)
    return next((file for file in known if (root / file.relative_to("/")).is_file()), None)


def _find_prober() -> Path:
    beside = Path(sys.executable).parent
    for folder in (beside, Path(sysconfig.get_path("scripts"))):
        if (folder / _PROBER).is_file():
            return folder / _PROBER
    raise PodunitError(f"there is no {_PROBER} in {beside}", "install podunit again")
