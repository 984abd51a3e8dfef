"""What `podunit.surroundings` promises: networks and volumes that others have changed are found, and nothing else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from podunit import surroundings
from podunit.drift import Drift
from podunit.installed import InstalledPod, list_pods
from podunit.scope import Scope
from podunit.surroundings import Places, Surroundings, find_moved

_SANDBOX = (
    "[Unit]\nWants=network@podunit.service\n\n[Service]\nExecStart=/usr/bin/podman run \\\n  --network=podunit \\\n"
)
_DEFINITION = {"name": "podunit", "driver": "bridge", "subnets": [{"subnet": "10.89.0.0/24"}], "dns_enabled": True}
_OURS = {**_DEFINITION, "labels": {"podunit": ""}}


class World:
    """podman's files and answers, and the sandbox of pod web."""

    def __init__(self, folder: Path) -> None:
        self.state, self.places = folder / "state", Places(folder / "networks", folder / "volumes")
        for path in (self.state, self.places.networks, self.places.volumes):
            path.mkdir()
        self.volumes: dict[str, dict[str, Any]] = {}
        self.elsewhere: tuple[str, ...] = ()
        self.asked = 0
        self.sandbox = {"ActiveState": "active", "ActiveEnterTimestamp": 2**60}
        self.record = Surroundings(self.state)

    def define(self, definition: dict[str, object]) -> None:
        (self.places.networks / "podunit.json").write_text(json.dumps(definition))

    def make_volume(self, made: str, **options: str) -> None:
        folder = self.places.volumes / "data"
        folder.mkdir()
        self.volumes["data"] = {
            "Name": "data",
            "Driver": "local",
            "Mountpoint": str(folder / "_data"),
            "CreatedAt": made,
            "Options": options,
        }

    def remove_volume(self) -> None:
        (self.places.volumes / "data").rmdir()
        del self.volumes["data"]

    def list_volumes(self) -> tuple[dict[str, Any], ...]:
        self.asked += 1
        return tuple(self.volumes.values())

    async def get_properties(self, unit: str, *_: str) -> dict[str, object]:
        assert unit == "sandbox@web.service"
        return self.sandbox

    def find(self) -> list[str]:
        manager: Any = self
        found: dict[str, tuple[Drift, ...]] = asyncio.run(find_moved(manager, [web()], self.record.read()))
        return [str(drift) for drift in found.get("web", ())]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    monkeypatch.setattr(surroundings, "find_places", lambda _: world.places)
    monkeypatch.setattr(surroundings, "list_volumes", world.list_volumes)
    monkeypatch.setattr(surroundings, "list_all_networks", lambda: world.elsewhere)
    world.define(_OURS)
    world.make_volume("yesterday")
    return world


def web() -> InstalledPod:
    handle = "[Unit]\n\n[X-Podunit]\nVolumes=data\n"
    return list_pods({"pod@web.service": handle, "sandbox@web.service": _SANDBOX})["web"]


def test_what_no_pod_has_found_cannot_have_changed(world: World) -> None:
    world.remove_volume()
    assert world.find() == []
    assert world.asked == 0


def test_nothing_is_asked_of_podman_where_all_is_as_it_was(world: World) -> None:
    world.record.note([web()], Scope.SYSTEM)
    assert world.asked == 1
    assert world.find() == []
    # Written anew by somebody, with the same content.
    world.define(_OURS)
    assert world.find() == []
    assert world.asked == 1


def test_a_network_that_podman_keeps_elsewhere_now_is_not_gone(world: World) -> None:
    world.record.note([web()], Scope.SYSTEM)
    (world.places.networks / "podunit.json").unlink()
    (gone,) = world.find()
    assert gone.startswith("network podunit was removed outside podunit; an apply or a start makes it anew")
    world.elsewhere = ("podunit",)
    assert world.find() == []


def test_another_subnet_is_drift_to_a_pod_that_runs_on_the_old_one(world: World) -> None:
    world.record.note([web()], Scope.SYSTEM)
    world.define({**_OURS, "subnets": [{"subnet": "10.89.7.0/24"}]})
    # A unit of podunit's has made it before the pod has started.
    assert world.find() == []
    world.sandbox["ActiveEnterTimestamp"] = 1
    said = "network podunit was changed outside podunit: subnets 10.89.7.0/24, was 10.89.0.0/24"
    assert world.find() == [f"{said}; the pod keeps the old one until it is restarted"]
    world.sandbox["ActiveState"] = "inactive"
    assert world.find() == []
    world.define({**_DEFINITION, "subnets": [{"subnet": "10.89.7.0/24"}]})
    (found,) = world.find()
    assert found.startswith(f"{said}; made by somebody else, was podunit; the pod uses it as it is; 'podman network rm")


def test_a_volume_that_was_made_anew_is_another(world: World) -> None:
    world.record.note([web()], Scope.SYSTEM)
    world.remove_volume()
    assert [line.split(";")[0] for line in world.find()] == ["volume data was removed outside podunit"]
    world.make_volume("today", type="tmpfs")
    (found,) = world.find()
    assert "options type=tmpfs, was none; made at today, was yesterday; podunit leaves it as it is" in found
    world.record.note([web()], Scope.SYSTEM)
    assert world.find() == []
    world.record.forget({"web"})
    assert list(world.state.iterdir()) == []


def test_a_record_that_cannot_be_read_or_written_says_nothing(world: World) -> None:
    (world.state / "surroundings.json").write_text("[1]")
    assert world.find() == []
    world.state.rename(world.state.with_name("gone"))
    world.record.note([web()], Scope.SYSTEM)
    assert world.find() == []


@pytest.mark.parametrize("pod", ["held", "bundled"])
def test_the_network_is_that_of_the_sandbox_whoever_makes_it(pod: str) -> None:
    folder = Path(__file__).parent / "golden/kubernetes/crun/units"
    texts = {unit: (folder / unit).read_text() for unit in (f"pod@{pod}.service", f"sandbox@{pod}.service")}
    assert list_pods(texts)[pod].networks == ("podunit",)
