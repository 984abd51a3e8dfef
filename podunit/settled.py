"""An apply that has found nothing to do, remembered: until something changes the next one need not look closer.

In: what an apply goes by, and what it said. Out: the same words again, if all of that is as it was. What it goes by are
files, compared by what stat(2) says of them, and states of units. Knows nothing of what is in the files.

Whatever is written, replaced or renamed gets another status change time, which nobody can set. A file that changed just
before it was looked at may change again at what is the same time to the file system: with such a file nothing is
remembered.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from podunit import __version__
from podunit.engines.programs import CATATONIT, PODMAN
from podunit.exchange import sync
from podunit.files import find_folder
from podunit.private import explained
from podunit.record import record

# More than the coarsest file system's time step: FAT's two seconds.
_STEP_NS = 2_000_000_000
_PACKAGE = Path(__file__).parent
# What else there is to look at before pods are installed.
_PROGRAMS = (PODMAN, CATATONIT, "/sbin/mount.nfs", sys.executable)


@record
class Sight:
    """All files that an apply goes by, at a glance: a digest, and whether that can be relied on."""

    digest: str
    is_calm: bool


@record
class Account:
    """What an apply that had nothing to do has said: of pods, and of objects by `KIND.NAME`."""

    pods: Mapping[str, tuple[str, ...]]
    objects: Mapping[str, str]


def look(unit_directory: Path, state_folder: Path, files: Iterable[str], options: Iterable[object]) -> Sight:
    """The files given, podunit's own, all units and what is kept; `options` are what else the command was told."""
    now_ns = time.time_ns()
    digest = hashlib.sha256(repr((__version__, *options, str(unit_directory), str(state_folder))).encode())
    newest_ns = 0
    shallow = (*_PROGRAMS, *files, str(unit_directory))
    # An editable install has templates and units beside the package.
    own = (_PACKAGE, find_folder("templates"), find_folder("units"))
    whole = map(str, (*own, *(state_folder / name for name in ("objects", "files", "places.json"))))
    for path, deep in (*((path, False) for path in shallow), *((path, True) for path in whole)):
        with explained(Path(path)):
            for name, status in _walk(path, deep=deep):
                changed_ns = status.st_ctime_ns if status else 0
                known = status and (status.st_mode, status.st_dev, status.st_ino, status.st_size, changed_ns)
                digest.update(repr((name, known)).encode())
                newest_ns = max(newest_ns, changed_ns)
    return Sight(digest.hexdigest(), is_calm=newest_ns < now_ns - _STEP_NS)


def describe_states(systemd: str, states: Mapping[str, str]) -> str:
    """A digest of systemd's version and of the active states that an apply goes by; inactive is what is not there."""
    known = sorted((unit, active) for unit, active in states.items() if active != "inactive")
    return hashlib.sha256(repr((systemd, known)).encode()).hexdigest()


class Memory:
    """The account of one apply, in a file of the state folder."""

    def __init__(self, state_folder: Path) -> None:
        self._file = state_folder / "settled.json"

    def find(self, sight: Sight) -> tuple[str, Account] | None:
        """What was said when all files were as they are now, and the states of then; None if they were not."""
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            if found["files"] != sight.digest:
                return None
            pods = {pod: tuple(words) for pod, words in found["pods"].items()}
            return found["states"], Account(pods, found["objects"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # Of no other use than to be quicker.
            return None

    def keep(self, sight: Sight, states: str, account: Account) -> None:
        """Remember this instead of what was remembered before, if the sight can be relied on."""
        if not sight.is_calm or not self._file.parent.is_dir():
            return
        text = json.dumps({"files": sight.digest, "states": states, "pods": account.pods, "objects": account.objects})
        fresh = self._file.with_name(f"{self._file.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(text, encoding="utf-8")
        sync(fresh)
        fresh.rename(self._file)


def _walk(path: str, *, deep: bool) -> Iterator[tuple[str, os.stat_result | None]]:
    """A path, what is in it if it is a folder and, if `deep`, what is below that; a link is itself and where it leads.

    None stands for what is not there.
    """
    yield from _examine(path)
    if not os.path.isdir(path):  # noqa: PTH112 - thousands of these
        return
    with os.scandir(path) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_symlink():
            yield from _examine(entry.path)
        elif deep and entry.is_dir() and entry.name != "__pycache__":
            yield from _walk(entry.path, deep=True)
        elif entry.name != "__pycache__":
            yield entry.path, entry.stat(follow_symlinks=False)


def _examine(path: str) -> Iterator[tuple[str, os.stat_result | None]]:
    for follow in (False, True):
        try:
            yield path, os.stat(path, follow_symlinks=follow)  # noqa: PTH116 - thousands of these
        except OSError:
            yield path, None
