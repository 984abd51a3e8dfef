"""What `podunit.progress` promises: what a pod is waited for, in words, once it takes longer and when it changes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from podunit import progress
from podunit.manager import Manager, UnitState
from podunit.names import container_unit, image_unit, pod_unit
from podunit.progress import Progress, describe_wait
from podunit.scope import Scope
from tests.test_states import FakeManager, make_pod

_IMAGE = image_unit("i", always=False)
_POD = make_pod("(i)", "a", ends=False)
_PULLED = replace(_POD, containers=tuple(replace(one, image_units=(_IMAGE,)) for one in _POD.containers))


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("units", "text"),
    [
        ({}, ""),
        ({"image": "activating"}, "pulling image i"),
        ({"image": "active", "i": "activating"}, "init container 'i' is starting"),
        ({"i": "activating auto-restart"}, "init container 'i' has failed and is about to be restarted"),
        ({"i": "active", "a": "activating start"}, "container 'a' is starting"),
        ({"i": "active", "a": "failed"}, "container 'a' has failed"),
        ({"i": "active", "a": "deactivating"}, "container 'a' is stopping"),
        ({"i": "active", "a": "active"}, ""),
        ({"pod": "deactivating"}, "it is stopping"),
    ],
)
def test_words(units: dict[str, str], text: str) -> None:
    names = {"image": _IMAGE, "pod": pod_unit("web"), "i": container_unit("web", "i"), "a": container_unit("web", "a")}
    found = {}
    for key, state in units.items():
        active, _, sub = state.partition(" ")
        found[names[key]] = UnitState(names[key], "loaded", active, sub)
    assert describe_wait(_PULLED, found, Scope.USER) == text


def test_nothing_is_said_at_first_and_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE_SEC", 0.05)
    units = {container_unit("web", "a"): {"ActiveState": "activating", "SubState": "start"}}
    said: list[str] = []

    async def wait() -> None:
        waited = Progress(cast(Manager, FakeManager(units)), Scope.USER, said.append)
        async with waited.told():
            with waited.waiting_for(_POD):
                await asyncio.sleep(0.01)
                assert said == []
                await asyncio.sleep(0.3)
                units[container_unit("web", "a")] = {"ActiveState": "failed"}
                await asyncio.sleep(0.2)
            units[container_unit("web", "a")] = {"ActiveState": "activating", "SubState": "start"}
            await asyncio.sleep(0.2)

    asyncio.run(wait())
    words = ("is starting", "has failed")
    assert said == [f"waiting for pod 'web': container 'a' {word}" for word in words]
