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


def read_static_units() -> Mapping[str, str]:
    """The units that belong to no single pod, by name; they start podunit's own program where it is installed."""
    texts = {file.name: file.read_text(encoding="utf-8") for file in sorted(find_folder("units").iterdir())}
    shipped = f"ExecStart=/usr/local/bin/{_PROBER}\n"
    return {name: text.replace(shipped, f"ExecStart={_find_prober()}\n") for name, text in texts.items()}


def _find_prober() -> Path:
    beside = Path(sys.executable).parent
    for folder in (beside, Path(sysconfig.get_path("scripts"))):
        if (folder / _PROBER).is_file():
            return folder / _PROBER
    raise PodunitError(f"there is no {_PROBER} in {beside}", "install podunit again")
