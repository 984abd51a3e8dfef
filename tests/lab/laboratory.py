"""A lab with podunit in it: a clean, booted systemd with the package installed and images loaded.

The one class that tests and the command `lab` use; `layers` makes what it is booted from, `machine` boots it.
"""

from __future__ import annotations

from typing import Self

from tests.lab import layers
from tests.lab.machine import LabError, LabUnavailableError, Machine, running

__all__ = ["LabError", "LabUnavailableError", "Laboratory", "running"]


class Laboratory(Machine):
    """A lab of a Debian suite; as a context manager it boots, and ends with all that ran in it."""

    def __init__(self, suite: str = "trixie", *, keep: bool = False) -> None:
        """Nothing happens yet. With `keep` the lab outlives the context manager and this process."""
        self.suite = suite
        self._keep = keep

    def __enter__(self) -> Self:
        made = layers.build(self.suite)
        super().__init__(made.cache, made.names, made.images, layers.PROJECT, keep=self._keep)
        return super().__enter__()
