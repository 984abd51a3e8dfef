"""Hooks with podman: what runs after a container's start, and before its stop.

In: the model. Out: argv, as words for `unitfile` to quote.
"""

from __future__ import annotations

from podunit.engines.probes import ask_prober
from podunit.engines.programs import PODMAN, container_name
from podunit.model import Container, Pod
from podunit.probes import Exec, Hook, HttpGet, Sleep
from podunit.unitfile import Word


def run_hook(pod: Pod, container: Container, hook: Hook, name: str) -> tuple[Word, ...]:
    """Do what the hook of that name says, and exit with a status other than 0 if it fails."""
    match hook:
        case Exec(command):
            return (PODMAN, "exec", container_name(pod, container), *command)
        case HttpGet():
            return ask_prober(pod, container, name)
        case Sleep(seconds):
            return ("/bin/sleep", str(seconds))
