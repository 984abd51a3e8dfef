"""`podunit-generator`: systemd runs it at boot and at each daemon-reload, where somebody has put it for that.

In: three folders, and the variables that systemd.generator(7) names. Out: units in the last of them, where all others
win, and lines in the log. While nothing has changed, what was made last is copied, and neither YAML nor templates are
looked at.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from podunit.generator.cache import Cache, look
from podunit.generator.output import Output, place
from podunit.scope import Scope, spec_folder

_FOLDERS = 3


def main() -> int | str:
    """The program; its exit status, or why it cannot run."""
    arguments = sys.argv[1:]
    if len(arguments) != _FOLDERS:
        return "podunit-generator is run by systemd, with three folders: see systemd.generator(7)"
    return generate(arguments, os.environ)


def generate(folders: Sequence[str], environment: Mapping[str, str]) -> int:
    """Fill the last of the folders; the exit status."""
    # The specs are those of the system that is about to be mounted.
    if environment.get("SYSTEMD_IN_INITRD") == "1":
        return 0
    named = environment.get("SYSTEMD_SCOPE", "")
    scope = Scope(named) if named in list(Scope) else Scope.default()
    folder = spec_folder(scope)
    # What there is before anything is read: a change meanwhile is noticed the next time.
    sight = look(folder, scope)
    if sight is None:
        return 0
    cache = Cache(scope.runtime_directory / "podunit-generator")
    try:
        found = cache.recall(sight)
        if found is None:
            found = _make(folder, scope, cache)
            cache.remember(sight, found)
        left = place(found, Path(folders[-1]), scope)
    except OSError as error:
        from podunit.generator.log import ERROR, Log

        Log(scope).tell(ERROR, f"{error.filename}: {(error.strerror or str(error)).lower()}")
        return 1
    if found.lines or left:
        _tell(found, left, scope, folder)
    return 0


def _make(folder: Path, scope: Scope, cache: Cache) -> Output:
    from podunit.generator.making import make

    return make(folder, scope, cache)


def _tell(found: Output, left: Sequence[str], scope: Scope, folder: Path) -> None:
    from podunit.generator.log import INFO, Log

    log = Log(scope)
    for priority, text, unit in found.lines:
        log.tell(priority, text, unit)
    if left:
        log.tell(INFO, f"{folder}: left to what podunit apply has installed: {', '.join(left)}")
