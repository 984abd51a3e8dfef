"""What `podunit.garbage` promises: what nothing needs goes, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from podunit import garbage, host
from podunit.errors import PodunitError
from podunit.garbage import find_garbage, remove_garbage
from podunit.generations import Content, Fate, Generations, Origin, Snapshot
from podunit.state import StateFolder

_ORIGIN = Origin("2026-01-02T03:04:05Z", "root", "podunit apply web.yaml")
_ID, _OTHER_ID = "sha256:1", "sha256:2"


class FakePodman:
    """podman's images; those in `in_use` it does not give up."""

    def __init__(self, images: Mapping[str, str], in_use: str = "", networks: tuple[str, ...] = ()) -> None:
        self.images = dict(images)
        self.networks = list(networks)
        self._in_use = in_use

    def remove(self, name: str) -> bool:
        if name == self._in_use:
            return False
        del self.images[name]
        return True

    def remove_network(self, name: str) -> bool:
        if name == self._in_use:
            return False
        self.networks.remove(name)
        return True


def give(monkeypatch: pytest.MonkeyPatch, podman: FakePodman) -> None:
    monkeypatch.setattr(garbage, "list_images", lambda: podman.images)
    monkeypatch.setattr(garbage, "remove_image", podman.remove)
    monkeypatch.setattr(garbage, "list_networks", lambda: tuple(podman.networks))
    monkeypatch.setattr(garbage, "remove_network", podman.remove_network)


def keep(store: Generations, *images: str, limit: int = 0) -> None:
    """A generation of pod web, which runs these."""
    text = "".join(f"ExecStart=podman run {image}\n" for image in images)
    snapshot = Snapshot("Pod.web", {}, {}, {"web": Content({"container@web.main.service": text})}, limit)
    known = dict.fromkeys(images, _ID)
    store.conclude(store.begin(_ORIGIN, [snapshot]), {"Pod.web": Fate.DONE}, {"Pod.web": known})


def test_only_what_pods_have_run_and_none_needs_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("reg/old:1", "reg/kept:1", "reg/installed:1", "reg/theirs:1", "localhost/built:1", "reg/used:1")
    podman = FakePodman({**dict.fromkeys(names, _ID), "reg/moved:1": _OTHER_ID}, "reg/used:1")
    give(monkeypatch, podman)
    store, state = Generations(tmp_path), StateFolder(tmp_path)
    keep(store, "reg/old:1", "reg/installed:1", "localhost/built:1", "reg/used:1", "reg/moved:1", "reg/gone:1")
    keep(store, "reg/kept:1")
    installed = {"pod@web.service": "", "container@web.main.service": "ExecStart=podman run reg/installed:1\n"}
    found = find_garbage(installed, state, store)
    assert found.images == ("reg/old:1", "reg/used:1")
    assert remove_garbage(found, store).images == ("reg/old:1",)
    assert set(podman.images) == {*names, "reg/moved:1"} - {"reg/old:1"}
    assert find_garbage(installed, state, store).images == ("reg/used:1",)
    store.forget(())
    assert find_garbage({}, state, store).images == ("reg/installed:1", "reg/kept:1", "reg/used:1")


def test_what_is_of_no_pod_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, FakePodman({}))
    store, state = Generations(tmp_path), StateFolder(tmp_path)
    keep(store, limit=5)
    left = [
        "files/gone/v",
        "ends/gone/main",
        "generations/content/x.new",
    ]
    # What somebody has left half-done goes with the next command that changes anything, whichever that is.
    stays = ["files/web/v", "files/web_old/v", "ends/web/main", "objects/Pod.gone.json", "objects/Pod.web.json.new"]
    for name in (*left, *stays):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = find_garbage({"pod@web.service": ""}, state, store)
    assert len(found.paths) == len(left)
    assert found.revisions == ()
    remove_garbage(found, store)
    assert [name for name in (*left, *stays) if (tmp_path / name).exists()] == stays
    assert len(store.read()) == 1


def test_a_copy_of_an_image_that_no_pod_needs_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, FakePodman({}))
    store, state = Generations(tmp_path), StateFolder(tmp_path)
    # That of a pod, that of a pod that is gone, and what an apply has left that was cut off.
    for image in ("a" * 64, "b" * 64, "c" * 64 + ".partial"):
        (tmp_path / "images" / image / "etc").mkdir(parents=True)
    for pod, image in (("web", "a" * 64), ("gone", "b" * 64)):
        bundle = tmp_path / "files" / pod / "bundle/main"
        bundle.mkdir(parents=True)
        (bundle / "image").write_text(f"{image}\n", encoding="ascii")
    found = find_garbage({"pod@web.service": ""}, state, store)
    assert {str(path.relative_to(tmp_path)) for path in found.paths} == {
        "files/gone",
        f"images/{'b' * 64}",
        f"images/{'c' * 64}.partial",
    }
    remove_garbage(found, store)
    assert [folder.name for folder in (tmp_path / "images").iterdir()] == ["a" * 64]
    remove_garbage(find_garbage({}, state, store), store)
    assert not (tmp_path / "images").exists()


def test_a_network_that_no_pod_names_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    podman = FakePodman({}, "podunit-used", ("podunit", "podunit-old", "podunit-shop", "podunit-used"))
    give(monkeypatch, podman)
    store, state = Generations(tmp_path), StateFolder(tmp_path)
    units = {
        "sandbox@web.service": "Wants=network@podunit\\x2dshop.service\n",
        "sandbox@db.service": "After=a.service network@podunit.service\n",
    }
    found = find_garbage(units, state, store)
    assert found.networks == ("podunit-old", "podunit-used")
    assert remove_garbage(found, store).networks == ("podunit-old",)
    assert podman.networks == ["podunit", "podunit-shop", "podunit-used"]


def test_images_are_not_passed_over_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "PODMAN", str(tmp_path / "podman"))
    store, state = Generations(tmp_path), StateFolder(tmp_path)
    assert find_garbage({}, state, store).images == ()
    keep(store, "reg/old:1")
    with pytest.raises(PodunitError, match=r"there is no .*/podman"):
        find_garbage({}, state, store)


def test_a_lower_limit_takes_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, FakePodman({}))
    store, state = Generations(tmp_path), StateFolder(tmp_path)
    keep(store, "a", limit=5)
    keep(store, "b", limit=5)
    snapshot = Snapshot("Pod.web", {}, {}, {"web": Content({"container@web.main.service": "c"})}, 0)
    # As after the end of the process, before anything old was dropped.
    store.begin(_ORIGIN, [snapshot])
    found = find_garbage({}, state, store)
    assert found.revisions == ("revision 1 of Pod.web", "revision 2 of Pod.web")
    remove_garbage(found, store)
    assert [one.number for one in store.read()] == [3]
