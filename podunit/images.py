"""Images of what is about to start: there before anything is changed.

In: pods, the containers of them that start, a manager. Out: `Lack`s, one for each image that is not to be had. Changes
no units and no pods: images are pulled by their own units, as they are whenever a container starts.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from podunit.chosen import Engine
from podunit.engines.pulls import IMAGE_MEND, NOTES, list_wanted, mend_images, pull_image
from podunit.errors import PodunitError
from podunit.host import find_missing_images
from podunit.installed import InstalledPod
from podunit.journal import find_last_lines
from podunit.manager import Manager
from podunit.model import Pod, PullPolicy
from podunit.names import ahead_unit, image_unit, parse_image_unit
from podunit.record import record
from podunit.report import Position
from podunit.scope import Scope
from podunit.state import StateFolder

# What is done sooner needs no words.
_PATIENCE_SEC = 1.0
# Each has a podman of its own.
_AT_ONCE = 8
_RANK = (PullPolicy.NEVER, PullPolicy.IF_NOT_PRESENT, PullPolicy.ALWAYS)
_LOG_LINES = 10
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@record
class Need:
    """An image that a container is about to need, and the unit that makes it present.

    `at` is where it is named first, None for a pod of which no file was given. A `private` one is pulled with
    credentials of its pod.
    """

    image: str
    policy: PullPolicy
    pod: str
    container: str
    at: Position | None
    unit: str
    private: bool = False


@record
class Lack:
    """An image that is not to be had; `why` is what podman has said, '' for one that is never pulled."""

    need: Need
    why: str


def list_needs(starting: Iterable[tuple[Pod, frozenset[str]]], others: Iterable[InstalledPod] = ()) -> tuple[Need, ...]:
    """What pods need of which these containers start, each image once, and what `others` need, which are installed."""
    found: dict[tuple[str, str], Need] = {}
    for pod, names in starting:
        containers = (one for one in (*pod.init_containers, *pod.containers) if one.name in names)
        for container in containers:
            for image, policy, at in list_wanted(container):
                key = (image, pod.name if pod.registries else "")
                need = Need(image, policy, pod.name, container.name, at, "", private=bool(pod.registries))
                earlier = found.setdefault(key, need)
                found[key] = replace(earlier, policy=max(earlier.policy, policy, key=_RANK.index))
    needs = [replace(need, unit=_choose_unit(need, number)) for number, need in enumerate(found.values())]
    for installed in others:
        for one in installed.containers:
            for unit in one.image_units:
                image = parse_image_unit(unit) or one.image
                missing = unit == image_unit(image, always=False)
                policy = PullPolicy.IF_NOT_PRESENT if missing else PullPolicy.ALWAYS
                needs.append(Need(image, policy, installed.name, one.name, None, unit))
    return tuple({need.unit: need for need in reversed(needs)}.values())[::-1]


def list_bundled(pods: Iterable[Pod]) -> Iterator[tuple[Pod, frozenset[str]]]:
    """Of these pods those whose bundles are made of images, with the names of all their containers."""
    for pod in pods:
        if pod.engine is Engine.CRUN:
            yield pod, frozenset(container.name for container in (*pod.init_containers, *pod.containers))


def _choose_unit(need: Need, number: int) -> str:
    if need.private:
        # Of one that has died the unit may still be there.
        return ahead_unit(need.pod, f"{os.getpid()}-{number}")
    return image_unit(need.image, always=need.policy is PullPolicy.ALWAYS)


def choose(needs: Iterable[Need]) -> tuple[Need, ...]:
    """Those of which the image is pulled, and those of which it is missing and never pulled."""
    needs = tuple(needs)
    missing = find_missing_images(need.image for need in needs if need.policy is not PullPolicy.ALWAYS)
    wanted = [need for need in needs if need.policy is PullPolicy.ALWAYS or need.image in missing]
    pulled = {need.image for need in wanted if need.policy is not PullPolicy.NEVER}
    return tuple(need for need in wanted if need.policy is not PullPolicy.NEVER or need.image not in pulled)


async def provide(
    needs: Iterable[Need],
    files: Mapping[str, Mapping[str, bytes]],
    state: StateFolder,
    manager: Manager,
    scope: Scope,
    tell: Callable[[str], None],
) -> tuple[Lack, ...]:
    """Let all these images be there, and wait; what is not to be had. What is waited for, it tells.

    `files` are what units of pods will read, by pod. If this is cancelled pulls go on, but for those with credentials.
    """
    if _has_cut_pulls(state.path / NOTES):
        # What they have left may be taken for an image that is there.
        mend = (IMAGE_MEND, "Removal of what pulls have left that a loss of power has ended", mend_images())
        await manager.run_jobs(lambda _: _start_unit(manager, *mend), [IMAGE_MEND])
    wanted = choose(needs)
    if never := [need for need in wanted if need.policy is PullPolicy.NEVER]:
        return tuple(Lack(need, "") for need in never)
    private = {need.pod: files[need.pod] for need in wanted if need.private}
    try:
        # Where no credentials change those that are there are as good.
        fresh = state.stage_files(private) if private else {}
        pulls = _Pulls(manager, scope, tell, _find_folders(state, private, fresh))
        found = await asyncio.gather(*map(pulls.pull, wanted))
    finally:
        if private:
            state.discard_files()
    return tuple(lack for lack in found if lack)


def _has_cut_pulls(notes: Path) -> bool:
    """Whether there is a note of a pull in an earlier boot, which a loss of power has ended."""
    boot = _BOOT_ID.read_text(encoding="ascii").strip()
    return notes.is_dir() and any(not note.name.startswith(f"{boot}.") for note in notes.iterdir())


async def _start_unit(manager: Manager, name: str, description: str, command: tuple[str, ...]) -> str:
    """Enqueue the start of a unit, or of one without a file that runs this command where it is not there."""
    unit = await manager.get_properties(name, "Unit")
    if unit["LoadState"] == "not-found":
        return await manager.start_passing_service(name, description, command)
    # It may be active, though somebody has removed the image since.
    again = unit["ActiveState"] == "active"
    return await (manager.restart_unit if again else manager.start_unit)(name)


def _find_folders(state: StateFolder, pods: Iterable[str], fresh: Iterable[str]) -> dict[str, Path]:
    exchanges = {pod: state.list_exchanges([pod])[0] for pod in pods}
    return {pod: exchange.successor if pod in fresh else exchange.folder for pod, exchange in exchanges.items()}


class _Pulls:
    """Pulls side by side; `folders` have the files of pods with credentials."""

    def __init__(
        self, manager: Manager, scope: Scope, tell: Callable[[str], None], folders: Mapping[str, Path]
    ) -> None:
        self._manager = manager
        self._scope = scope
        self._tell = tell
        self._folders = folders
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def pull(self, need: Need) -> Lack | None:
        """Pull one image; why it is not to be had, None if it is."""
        async with self._gate:
            since_usec = time.time_ns() // 1000
            task = asyncio.ensure_future(self._manager.run_jobs(lambda _: self._start(need), [need.unit]))
            try:
                if not (await asyncio.wait({task}, timeout=_PATIENCE_SEC))[0]:
                    self._tell(f"waiting for pod '{need.pod}': pulling image {need.image}")
                (job,) = await task
            except asyncio.CancelledError:
                task.cancel()
                if need.private:
                    # It is nobody else's, and its credentials go.
                    with suppress(PodunitError):
                        await self._manager.stop_unit(need.unit)
                raise
            # One that has been skipped is not to be pulled, as somebody has said.
            if job.result in ("done", "skipped"):
                return None
            return Lack(need, await self._find_reason(need.unit, since_usec, job.result))

    async def _start(self, need: Need) -> str:
        """Start the image's own unit, or one without a file where that is not there."""
        folder = self._folders[need.pod] if need.private else None
        command = pull_image(need.image, folder, always=need.policy is PullPolicy.ALWAYS)
        return await _start_unit(self._manager, need.unit, f"Pull of image {need.image}", command)

    async def _find_reason(self, unit: str, since_usec: int, result: str) -> str:
        """What podman has said last, or the result of the job."""
        lines = await find_last_lines(unit, self._scope, since_usec, _LOG_LINES)
        starts = [number for number, line in enumerate(lines) if line.startswith("Error: ")]
        said = lines[starts[-1] :] if starts else lines[-1:]
        return " ".join(line.strip() for line in said).removeprefix("Error: ") or result
