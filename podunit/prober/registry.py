"""All registered containers of a manager.

In: directories, and names of those that changed or whose hook is to run. Out: a `Container` for each. A registration is
a file; another file in its place is another container, none is the end of it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

from podunit.prober.checks import Checks, Doer
from podunit.prober.container import Container, Spawn
from podunit.prober.journal import Journal
from podunit.prober.networks import Networks
from podunit.prober.replies import reply
from podunit.prober.series import Result
from podunit.prober.states import REGISTRATION, stamp_registration
from podunit.probes import Registration, read_registration

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_HOOKS = ("postStart", "preStop")

FOLDER = "podunit-probes"


class Registry:
    """The containers below `folder`."""

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        networks: Networks,
        spawn: Spawn,
        make_doer: Callable[[Registration, Path, Networks], Doer] = Checks,
    ) -> None:
        self._folder, self._journal, self._networks, self._spawn = folder, journal, networks, spawn
        self._make_doer = make_doer
        self._containers: dict[str, Container] = {}
        # Registrations that cannot be read, so that each is complained of once.
        self._refused: dict[str, str] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is no container."""
        return not self._containers

    def describe(self) -> str:
        """How much there is to do, in a sentence."""
        probes = sum(len(it.probes) for it in self._containers.values())
        return f"{probes} probes of {len(self._containers)} containers"

    def sweep(self) -> None:
        """Look at all directories there are and were."""
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 (no Path for each of them)
        except OSError:
            names = []
        for name in {*names, *self._containers, *self._refused}:
            self.look(name)

    def take(self, line: str) -> None:
        """What a unit has written: NAME for a directory to look at, NAME/HOOK for a hook to run."""
        name, _, hook = line.partition("/")
        self.look(name)
        if hook in _HOOKS and _NAME.fullmatch(name):
            if name in self._containers:
                self._spawn(self._containers[name].answer(hook))
            else:
                reply(self._folder / name / hook, Result(False, "not registered"))

    def look(self, name: str) -> None:
        """Look at one directory: begin, end, or begin anew."""
        if not _NAME.fullmatch(name):
            return
        directory = self._folder / name
        stamp = stamp_registration(directory)
        known = self._containers.get(name)
        if known and stamp == known.stamp:
            known.settle()
            return
        if stamp and stamp == self._refused.get(name):
            return
        self._refused.pop(name, None)
        if known:
            del self._containers[name]
            known.close()
            if not any(
                it.registration.sandbox_name == known.registration.sandbox_name for it in self._containers.values()
            ):
                self._networks.forget(known.registration.sandbox_name)
        if stamp:
            self._begin(name, directory, stamp)

    def close(self) -> None:
        """Let go of all containers."""
        for container in self._containers.values():
            container.close()
        self._containers.clear()

    def _begin(self, name: str, directory: Path, stamp: str) -> None:
        try:
            registration = read_registration((directory / REGISTRATION).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._refused[name] = stamp
            self._journal.complain(f"{directory / REGISTRATION} cannot be read: {type(error).__name__}: {error}")
            return
        doer = self._make_doer(registration, directory, self._networks)
        loop = asyncio.get_running_loop()
        # Later, since who doubts is a task of the container that would end.
        container = Container(
            directory, registration, stamp, doer, self._journal, self._spawn, lambda: _later(loop, self.look, name)
        )
        self._containers[name] = container
        container.start()


def _later(loop: asyncio.AbstractEventLoop, look: Callable[[str], None], name: str) -> None:
    loop.call_soon(look, name)
