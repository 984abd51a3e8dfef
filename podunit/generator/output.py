"""What the generator makes, as it is kept and as it is put where systemd looks.

In: texts of units by pod. Out: files and symbolic links. Imports next to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from podunit.scope import Scope, default_directory

# systemd.unit(5): where else a pod's handle may be that was not generated, each stronger than what is generated here.
_OTHERS = {
    Scope.SYSTEM: tuple(f"{parent}/systemd/system" for parent in ("/etc", "/run", "/usr/local/lib", "/usr/lib")),
    Scope.USER: tuple(f"{parent}/systemd/user" for parent in ("/etc", "/run", "/usr/local/lib", "/usr/lib")),
}


class Output:
    """Files and links of each pod by their paths, those of no single pod, and what the log is told.

    Of a line its priority (syslog(3)), its text, and the unit that it is about, '' for none.
    """

    def __init__(
        self,
        pods: Mapping[str, Mapping[str, str]],
        links: Mapping[str, Mapping[str, str]],
        shared: Mapping[str, str],
        lines: Iterable[tuple[int, str, str]],
    ) -> None:
        self.pods = pods
        self.links = links
        self.shared = shared
        self.lines = tuple(lines)


def place(found: Output, folder: Path, scope: Scope) -> list[str]:
    """Write the files below `folder`, but of pods that are installed; the names of those."""
    others = (str(default_directory(scope)), *_OTHERS[scope])
    left = [pod for pod in found.pods if any(_is_unit(f"{other}/pod@{pod}.service") for other in others)]
    if len(left) == len(found.pods):
        return left
    _write(folder, found.shared)
    for pod, texts in found.pods.items():
        if pod not in left:
            _write(folder, texts)
            for name, target in found.links.get(pod, {}).items():
                path = folder / name
                path.parent.mkdir(exist_ok=True)
                path.symlink_to(target)
    return left


def _is_unit(path: str) -> bool:
    # A link of systemctl's masks the unit, or enables it: that is no other unit.
    return os.path.isfile(path) and not os.path.islink(path)  # noqa: PTH113, PTH114 (a call for each pod, at each reload)


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        if "/" in name:
            path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
