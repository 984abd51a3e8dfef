"""Hooks with podman: what runs after a container's start, and before its stop.

In: the model. Out: argv, as words for `unitfile` to quote.
"""

from __future__ import annotations

from podunit.engines.programs import PODMAN, container_name
from podunit.model import Container, Pod
from podunit.probes import Exec, Sleep
from podunit.unitfile import Word


def run_hook(pod: Pod, container: Container, hook: Exec | Sleep) -> tuple[Word, ...]:
    """Do what a hook says, and exit with a status other than 0 if it fails."""
    match hook:
        case Exec(command):
            return (PODMAN, "exec", container_name(pod, container), *command)
        case Sleep(seconds):
            return ("/bin/sleep", str(seconds))
