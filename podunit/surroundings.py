"""What pods share with the rest of the machine, and podman keeps: their networks, and the volumes that outlive them.

In: installed pods, podman's definitions of networks, its list of volumes. Out: a record of what a pod has found there
when an apply has last seen it up, and `Drift`s of what is otherwise now. A pod that was never up has none.

A look at files finds what may have changed: podman writes a definition, and the folder of a volume, only once. It is
asked itself when that is another, once for all pods.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from podunit.drift import Drift, DriftKind
from podunit.host import list_all_networks, list_volumes
from podunit.installed import InstalledPod
from podunit.manager import Manager
from podunit.names import network_unit, sandbox_unit
from podunit.private import write_private
from podunit.record import record
from podunit.scope import Scope

_RECORD = "surroundings.json"
# Which differ each time that podman chooses them.
_CHOSEN = "subnets"
_MAKER = "made by"


@record
class Found:
    """A network or a volume as a pod has found it: its traits in words, and the file or folder that is podman's.

    `mark` tells that folder from any other of its name, for volumes.
    """

    traits: Mapping[str, str]
    path: str
    mark: str = ""


@record
class Places:
    """Where podman keeps the definitions of networks and, unless somebody has moved them, its volumes."""

    networks: Path
    volumes: Path


def find_places(scope: Scope) -> Places:
    """Those of root or of a user, as podman-network(1) and podman-volume(1) say."""
    if scope is Scope.SYSTEM:
        return Places(Path("/etc/containers/networks"), Path("/var/lib/containers/storage/volumes"))
    storage = Path.home() / ".local/share/containers/storage"
    return Places(storage / "networks", storage / "volumes")


class Surroundings:
    """The record, in the state folder: networks and volumes by pod, as `network podunit` and `volume data`.

    Nothing fails for it: it is no more than what is said of drift.
    """

    def __init__(self, state_folder: Path) -> None:
        self._file = state_folder / _RECORD

    def read(self) -> dict[str, dict[str, Found]]:
        """All that is on record, by pod."""
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            return {
                pod: {name: Found(one["traits"], one["path"], one["mark"]) for name, one in own.items()}
                for pod, own in found.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # The next apply makes it anew.
            return {}

    def note(self, pods: Iterable[InstalledPod], scope: Scope) -> None:
        """Keep what there is for these pods, which are up."""
        pods = tuple(pods)
        if pods:
            self._write({**self.read(), **_look(pods, scope)})

    def forget(self, pods: Collection[str]) -> None:
        """Keep nothing of these pods."""
        old = self.read()
        if left := {pod: own for pod, own in old.items() if pod not in pods}:
            if left != old:
                self._write(left)
        elif old:
            with suppress(OSError):
                self._file.unlink()

    def _write(self, found: Mapping[str, Mapping[str, Found]]) -> None:
        texts = {
            pod: {name: {"traits": dict(one.traits), "path": one.path, "mark": one.mark} for name, one in own.items()}
            for pod, own in found.items()
        }
        fresh = self._file.with_name(f"{_RECORD}.new")
        with suppress(OSError):
            write_private(fresh, json.dumps(texts).encode())
            fresh.rename(self._file)


async def find_moved(
    manager: Manager, pods: Iterable[InstalledPod], known: Mapping[str, Mapping[str, Found]]
) -> dict[str, tuple[Drift, ...]]:
    """What has become of the networks and volumes of pods since they were last seen; pods of which all is as it was."""
    names: set[str] | None = None
    volumes: Mapping[str, Mapping[str, str]] | None = None
    drifts: dict[str, tuple[Drift, ...]] = {}
    for pod in pods:
        own: list[Drift] = []
        wanted = {*_name_networks(pod), *_name_volumes(pod)}
        for name, was in known.get(pod.name, {}).items():
            kind, _, word = name.partition(" ")
            path = Path(was.path)
            if name not in wanted:
                continue
            now: Mapping[str, str] | None
            if kind == "network":
                now = _read_network(path)
                if now == was.traits:
                    continue
                if now is None:
                    # Unless podman keeps its definitions elsewhere now.
                    names = set(list_all_networks()) if names is None else names
                    if word in names:
                        continue
            else:
                if was.mark and _mark(path) == was.mark:
                    continue
                volumes = _list_traits() if volumes is None else volumes
                now = volumes.get(word)
                if now == was.traits:
                    continue
            own += await _compare(manager, pod, name, was, now)
        if own:
            drifts[pod.name] = tuple(own)
    return drifts


async def _compare(
    manager: Manager, pod: InstalledPod, name: str, was: Found, now: Mapping[str, str] | None
) -> list[Drift]:
    unit = sandbox_unit(pod.name)
    properties = await manager.get_properties(unit, "Unit")
    runs = properties["ActiveState"] == "active"
    if now is None:
        return [Drift(DriftKind.REMOVED, unit, was.path, name, "", runs, _is_ours(pod, name))]
    changed_usec = Path(was.path).stat().st_mtime_ns // 1000 if Path(was.path).exists() else 0
    keeps_old = runs and properties["ActiveEnterTimestamp"] < changed_usec
    # What was made anew by a unit of podunit's is as good as before to who has not got the old one.
    ignored = {_CHOSEN} if not keeps_old and now.get(_MAKER) == was.traits.get(_MAKER) == "podunit" else set()
    differs = [key for key in {**was.traits, **now} if key not in ignored and was.traits.get(key) != now.get(key)]
    said = "; ".join(f"{key} {now.get(key) or 'none'}, was {was.traits.get(key) or 'none'}" for key in differs)
    return [Drift(DriftKind.CHANGED, unit, was.path, name, said, keeps_old, _is_ours(pod, name))] if differs else []


def list_lost_networks(drifts: Iterable[Drift]) -> tuple[str, ...]:
    """The units that make those of podunit's networks again that are gone."""
    lost = (drift for drift in drifts if drift.kind is DriftKind.REMOVED and drift.is_ours)
    return tuple(dict.fromkeys(network_unit(drift.resource.partition(" ")[2]) for drift in lost))


def _look(pods: Iterable[InstalledPod], scope: Scope) -> dict[str, dict[str, Found]]:
    """What there is for pods now."""
    places, definitions = find_places(scope), dict[str, Found | None]()
    every: Mapping[str, Mapping[str, str]] | None = None
    found: dict[str, dict[str, Found]] = {}
    for pod in pods:
        own = found[pod.name] = {}
        for name, network in _name_networks(pod).items():
            if name not in definitions:
                file = places.networks / f"{network}.json"
                traits = _read_network(file)
                definitions[name] = None if traits is None else Found(traits, str(file))
            if known := definitions[name]:
                own[name] = known
        for name, volume in _name_volumes(pod).items():
            every = _list_traits() if every is None else every
            if volume in every:
                # Some drivers have none.
                place = every[volume]["path"]
                folder = Path(place).parent
                own[name] = Found(every[volume], str(folder), _mark(folder)) if place else Found(every[volume], "")
    return found


def _name_networks(pod: InstalledPod) -> dict[str, str]:
    return {f"network {name}": name for name in pod.networks}


def _name_volumes(pod: InstalledPod) -> dict[str, str]:
    return {f"volume {name}": name for name in pod.claims}


def _is_ours(pod: InstalledPod, name: str) -> bool:
    """Whether a unit of podunit's makes this network for the pod."""
    kind, _, word = name.partition(" ")
    return kind == "network" and network_unit(word) in pod.texts.get(sandbox_unit(pod.name), "")


def _read_network(file: Path) -> dict[str, str] | None:
    """The traits of a network by its definition; None for one that has none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {
            "driver": str(found.get("driver", "")),
            _CHOSEN: ", ".join(one["subnet"] for one in found.get("subnets") or ()),
            "DNS": "on" if found.get("dns_enabled") else "off",
            "way out": "no" if found.get("internal") else "yes",
            "options": _join(found.get("options") or {}),
            _MAKER: "podunit" if "podunit" in (found.get("labels") or {}) else "somebody else",
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _list_traits() -> dict[str, dict[str, str]]:
    """The traits of all volumes that podman has, by name."""
    return {
        one["Name"]: {
            "driver": one["Driver"],
            "options": _join(one.get("Options") or {}),
            "path": one.get("Mountpoint") or "",
            "made at": one["CreatedAt"],
        }
        for one in list_volumes()
    }


def _mark(folder: Path) -> str:
    """What tells a folder from one that was made later; '' for none."""
    try:
        status = folder.stat()
    except OSError:
        return ""
    return f"{status.st_dev} {status.st_ino} {status.st_mtime_ns}"


def _join(options: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in sorted(options.items()))
