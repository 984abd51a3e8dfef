"""What the generator has made last, and from what: below the manager's runtime directory, until the machine is off.

Neither a generator's own folders, which are emptied before each run, nor /var, which may not be mounted yet, could hold
it; all else is read-only to a generator of the system (systemd 251 and later).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import podunit
from podunit.generator.output import Output
from podunit.scope import Scope

_SPECS = (".yaml", ".yml", ".json")
# What pods are made for, beside what podunit itself is.
_PROGRAMS = ("/usr/bin/systemctl", "/usr/bin/podman", "/usr/libexec/podman/catatonit", "/sbin/mount.nfs")
_IDS = ("/etc/subuid", "/etc/subgid")


def look(folder: Path, scope: Scope) -> list[str] | None:
    """What tells whether anything has changed of the specs and of podunit; None where there are no specs."""
    try:
        with os.scandir(folder) as entries:
            specs = sorted(entry.path for entry in entries if entry.name.endswith(_SPECS))
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not specs:
        return None
    package = os.path.dirname(podunit.__file__)  # noqa: PTH120 (for each file, at each reload)
    folders = (f"{package}/../templates", f"{package}/../units") if not os.path.isdir(f"{package}/units") else ()  # noqa: PTH112
    own = [path for each in (package, *folders) for path in _walk(each)]
    defaults = os.path.join(folder, "podunit.toml")  # noqa: PTH118
    return [str(scope), sys.executable, *(_describe(path) for path in (*specs, defaults, *own, *_PROGRAMS, *_IDS))]


class Cache:
    """A folder that only its owner may enter: `made.json`, and below `files` what the units of pods read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made = path / "made.json"

    def recall(self, sight: list[str]) -> Output | None:
        """What was made at this sight, None for nothing."""
        try:
            kept = json.loads(self._made.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if kept["sight"] != sight:
            return None
        return Output(kept["pods"], kept["links"], kept["shared"], [(*line,) for line in kept["lines"]])

    def remember(self, sight: list[str], made: Output) -> None:
        """Keep what was made at this sight."""
        kept = {"sight": sight, "pods": made.pods, "links": made.links, "shared": made.shared, "lines": made.lines}
        self._path.mkdir(mode=0o700, exist_ok=True)
        fresh = self._path / f"made.json.{os.getpid()}"
        fresh.write_text(json.dumps(kept), encoding="utf-8")
        fresh.rename(self._made)

    @property
    def files(self) -> Path:
        """The folder of what the units of pods read, below their names."""
        return self._path / "files"

    def keep_files(self, pods: Mapping[str, Mapping[str, bytes]]) -> None:
        """Keep what the units of pods read, by its path, in place of all that was kept."""
        self._path.mkdir(mode=0o700, exist_ok=True)
        fresh = self._path / f"files.{os.getpid()}"
        fresh.mkdir(mode=0o700)
        for pod, files in pods.items():
            for name, data in files.items():
                path = fresh / pod / name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600)
                path.write_bytes(data)
        if self.files.exists():
            shutil.rmtree(self.files)
        fresh.rename(self.files)


def _walk(folder: str) -> list[str]:
    return [
        f"{parent}/{name}"
        for parent, _, names in os.walk(folder)
        for name in sorted(names)
        if not name.endswith(".pyc")
    ]


def _describe(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116 (a call for each file, at each reload)
    except OSError as error:
        return f"{path} {error.errno}"
    return f"{path} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
