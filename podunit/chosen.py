"""Which engine makes the processes of a pod's containers, and who has chosen it.

In: the place where that is said. Out: how it is told. Knows neither pods nor files.
"""

from __future__ import annotations

from enum import StrEnum

from podunit.record import record
from podunit.report import Position

ANNOTATION = "podunit/engine"
# On the command line; of what it says the file of its place.
OPTION = "--engine"


class Engine(StrEnum):
    """Annotation `podunit/engine`: what makes the processes of a pod's containers."""

    PODMAN = "podman"
    CRUN = "crun"


@record
class Choice:
    """The engine of the pods whose YAML names none; `at` is where that is said."""

    engine: Engine
    at: Position


@record
class Origin:
    """How an engine was chosen: `words` as somebody has said it, and as `remedy` what to leave out for another."""

    words: str
    remedy: str


def find_origin(engine: Engine, at: Position, file: str) -> Origin:
    """The origin of the engine of a pod that is described in `file`; `at` is where the engine is named."""
    if at.file == file:
        return Origin(f"{ANNOTATION}: {engine}", f"the annotation {ANNOTATION}")
    words = f"{OPTION} {engine}" if at.file == OPTION else f'engine = "{engine}" in {at.file}:{at.line}'
    return Origin(words, f"{words}, or give the pod the annotation {ANNOTATION}: {Engine.PODMAN}")
