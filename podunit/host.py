"""podman on this host: its version beside systemd's, its pause program, and the volumes that it keeps.

In: a manager, names of volumes. Out: a `Target`, or PodunitError that says what to install.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from podunit.engines.programs import CATATONIT, PODMAN
from podunit.errors import PodunitError
from podunit.manager import Manager
from podunit.target import Target, parse_target

_TIMEOUT_SEC = 20


async def find_target(manager: Manager) -> Target:
    """The versions that run here."""
    return parse_target(await manager.get_version(), _find_podman())


def remove_claims(names: Iterable[str]) -> None:
    """Remove podman's volumes of these names with all that is in them; one that is not there is gone already."""
    wanted = sorted(set(names))
    existing = _run("volume", "ls", "--quiet").split() if wanted else []
    if found := [name for name in wanted if name in existing]:
        _run("volume", "rm", *found)


def _find_podman() -> str:
    for path, package in ((PODMAN, "podman"), (CATATONIT, "catatonit")):
        if not Path(path).exists():
            raise PodunitError(f"there is no {path}", f"install {package}; on Debian: apt install {package}")
    return _run("--version").removeprefix("podman version ").strip()


def _run(*arguments: str) -> str:
    shown = " ".join((PODMAN, *arguments))
    try:
        done = subprocess.run([PODMAN, *arguments], capture_output=True, text=True, timeout=_TIMEOUT_SEC, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PodunitError(f"{shown}: {error}") from None
    if done.returncode != 0:
        raise PodunitError(f"{shown}: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout
