"""The spec folder: the files that describe the pods of a machine or a user, copied there and missed there.

In: paths, and where installed objects were read. Out: copies made as a whole or not at all. Knows nothing of pods.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from podunit.errors import PodunitError, advise
from podunit.exchange import sync

# A copy that is being written; no spec has such a name.
_FRESH = ".podunit-copy"


def find_file(place: str) -> Path | None:
    """The file of a place such as `/srv/web.yaml:1:1`, None for none."""
    file = place.rpartition(":")[0].rpartition(":")[0]
    return Path(file) if file else None


def plan_copies(files: Iterable[str], folder: Path) -> dict[Path, Path]:
    """Where files go in the folder, without those that are there already; PodunitError if one cannot go there."""
    found: dict[Path, Path] = {}
    for file in map(Path, files):
        target = folder / file.name
        if not file.is_file():
            raise PodunitError(f"{file} cannot be copied into {folder}: it is no regular file", "name files")
        if target in found.values():
            raise PodunitError(f"two files are to be {target}", "give one of them another name")
        if not os.path.lexists(target):
            found[file] = target
        elif not target.is_file() or target.read_bytes() != file.read_bytes():
            hint = "change that one, or give the file another name"
            raise PodunitError(f"{target} is there already, and is not the same as {file}", hint)
    return found


def discard_copy(folder: Path) -> None:
    """Remove what somebody who died was about to put into the folder."""
    try:
        (folder / _FRESH).unlink(missing_ok=True)
    except OSError as error:
        raise PodunitError(f"{folder / _FRESH}: {(error.strerror or str(error)).lower()}", advise(error)) from None


def write_copies(copies: Mapping[Path, Path]) -> None:
    """Make the copies, each readable for whom the original is; what came there meanwhile is never replaced."""
    for file, target in copies.items():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_name(_FRESH)
            fresh.unlink(missing_ok=True)
            fresh.touch(mode=0o600)
            fresh.write_bytes(file.read_bytes())
            fresh.chmod(file.stat().st_mode & 0o777)
            sync(fresh)
            # Unlike a rename, a second link fails where a file is.
            os.link(fresh, target)
            fresh.unlink()
            sync(target.parent)
        except OSError as error:
            hint = advise(error)
            raise PodunitError(f"{target}: {(error.strerror or str(error)).lower()}", hint) from None


def remove_copies(copies: Mapping[Path, Path]) -> None:
    """Remove the copies again."""
    for target in copies.values():
        target.unlink(missing_ok=True)
        sync(target.parent)
