"""What is installed on this host: the versions of systemd and podman, and podman's pause program.

In: a manager. Out: a `Target`, or PodunitError that says what to install.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from podunit.engines.podman import CATATONIT, PODMAN
from podunit.errors import PodunitError
from podunit.manager import Manager
from podunit.target import Target, parse_target

_TIMEOUT_SEC = 20


async def find_target(manager: Manager) -> Target:
    """The versions that run here."""
    return parse_target(await manager.get_version(), _find_podman())


def _find_podman() -> str:
    for path, package in ((PODMAN, "podman"), (CATATONIT, "catatonit")):
        if not Path(path).exists():
            raise PodunitError(f"there is no {path}", f"install {package}; on Debian: apt install {package}")
    try:
        done = subprocess.run([PODMAN, "--version"], capture_output=True, text=True, timeout=_TIMEOUT_SEC, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PodunitError(f"{PODMAN} --version: {error}") from None
    if done.returncode != 0:
        raise PodunitError(f"{PODMAN} --version: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout.removeprefix("podman version ").strip()
