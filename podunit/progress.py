"""What pods are waited for, said while somebody waits: a line for each pod, and another one when that has changed.

In: installed pods, a manager, what prints a line. Out: lines. Whether a pod comes up at all is for who waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress

from podunit.errors import PodunitError
from podunit.installed import InstalledContainer, InstalledPod
from podunit.manager import Manager, UnitState
from podunit.readiness import find_known
from podunit.scope import Scope

# What is done sooner needs no words.
_PATIENCE_SEC = 1.0


class Progress:
    """The pods that are waited for at the moment."""

    def __init__(self, manager: Manager, scope: Scope, tell: Callable[[str], None]) -> None:
        self._manager = manager
        self._scope = scope
        self._tell = tell
        # Since when, by the monotonic clock.
        self._waited: dict[str, tuple[InstalledPod, float]] = {}
        self._said: dict[str, str] = {}

    @contextmanager
    def waiting_for(self, pod: InstalledPod) -> Iterator[None]:
        """As long as this lasts, the pod is waited for."""
        self._waited[pod.name] = (pod, time.monotonic())
        try:
            yield
        finally:
            del self._waited[pod.name]

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """As long as this lasts, what is waited for is said."""
        task = asyncio.ensure_future(self._keep_telling())
        try:
            yield
        finally:
            task.cancel()
            # Without systemd, who waits for its jobs has more to say.
            with suppress(asyncio.CancelledError, PodunitError):
                await task

    async def _keep_telling(self) -> None:
        while True:
            await asyncio.sleep(_PATIENCE_SEC)
            before = time.monotonic() - _PATIENCE_SEC
            late = [pod for pod, since in self._waited.values() if since <= before]
            names = {name for pod in late for name in pod.units}
            found = await self._manager.list_units_by_patterns(names) if names else ()
            units = {unit.name: unit for unit in found}
            for pod in late:
                text = describe_wait(pod, units, self._scope)
                if text and pod.name in self._waited and self._said.get(pod.name) != text:
                    self._said[pod.name] = text
                    self._tell(f"waiting for pod '{pod.name}': {text}")


def describe_wait(pod: InstalledPod, units: Mapping[str, UnitState], scope: Scope) -> str:
    """What keeps a pod from being up, '' if nothing is known; `units` are those of it that systemd knows, by name."""
    for container in pod.containers:
        if text := _describe_container(container, units, scope):
            return text
    handle = units.get(pod.unit)
    return "it is stopping" if handle and handle.active == "deactivating" else ""


def _describe_container(container: InstalledContainer, units: Mapping[str, UnitState], scope: Scope) -> str:
    if any(name in units and units[name].active == "activating" for name in container.image_units):
        return f"pulling image {container.image}"
    unit = units.get(container.unit)
    known = find_known(container, scope)
    word = f"{'init ' if container.init else ''}container '{container.name}'"
    match unit.active if unit else "inactive":
        case "activating" if unit and unit.sub.startswith("auto-restart"):
            return f"{word} has failed and is about to be restarted"
        case "activating" if known:
            return f"{word} runs and has not started by its probe"
        case "activating":
            return f"{word} is starting"
        case "deactivating":
            return f"{word} is stopping"
        case "failed":
            return f"{word} has failed"
        case "active" if known and not known.ready:
            return f"{word} is not ready"
    return ""
