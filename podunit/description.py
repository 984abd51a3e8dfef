"""All that can be said of one pod: where it comes from, its units, cgroups, probes, ends and last events.

In: an installed pod, where its object was read, a manager. Out: a `Description`, for whoever prints it.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping
from typing import Any

from podunit.errors import PodunitError
from podunit.events import Event, read_events
from podunit.installed import InstalledPod
from podunit.manager import Manager
from podunit.names import slice_unit
from podunit.prober.states import Known
from podunit.readiness import find_known
from podunit.record import record
from podunit.scope import Scope
from podunit.state import StateFolder
from podunit.states import PodState, format_time, get_pod_state
from podunit.usage import Usage, read_usage

_EVENTS = 10
# 2^64 - 1: no limit.
_INFINITY = 2**64 - 1
_LIMITS = ("MemoryMax", "MemoryHigh", "MemoryLow", "CPUQuotaPerSecUSec", "CPUWeight", "IOWeight", "TasksMax")


@record
class Group:
    """A cgroup, its limits by the names of systemd's properties, and what it uses."""

    cgroup: str
    limits: Mapping[str, int]
    usage: Usage

    def describe(self) -> dict[str, object]:
        """Keys are stable."""
        return {"cgroup": self.cgroup, "limits": dict(self.limits), "usage": dict(vars(self.usage))}


@record
class Unit:
    """One of the pod's units; `drop_ins` are files that change it."""

    name: str
    active: str
    sub: str
    drop_ins: tuple[str, ...]

    def describe(self) -> dict[str, object]:
        """Keys are stable."""
        return {"unit": self.name, "active": self.active, "sub": self.sub, "dropIns": list(self.drop_ins)}


@record
class Description:
    """A pod. `place` is where its object was read when it was applied, '' if that was no file.

    `groups` and `probes` are its containers' by name, those of '' the whole pod's; `messages` what those that have
    ended have left, by name, None where that cannot be read; `events` are the last ones, None where the journal cannot
    be read.
    """

    state: PodState
    place: str
    units: tuple[Unit, ...]
    groups: Mapping[str, Group]
    probes: Mapping[str, Known]
    events: tuple[Event, ...] | None
    messages: Mapping[str, str | None]

    def describe(self) -> dict[str, object]:
        """The object that `describe -o json` prints: that of `status -o json` and more; its keys are stable."""
        containers = [
            {
                **container.describe(),
                **self.groups[container.container].describe(),
                "terminationMessage": self.messages.get(container.container),
                "probes": _describe_probes(self.probes.get(container.container)),
            }
            for container in self.state.containers
        ]
        events = None if self.events is None else [event.describe() for event in self.events]
        return {
            **self.state.describe(),
            "spec": self.place,
            **self.groups[""].describe(),
            "units": [unit.describe() for unit in self.units],
            "containers": containers,
            "events": events,
        }


async def describe_pod(
    manager: Manager, pod: InstalledPod, place: str, scope: Scope, folder: StateFolder
) -> Description:
    """How a pod is now."""
    state = await get_pod_state(manager, pod, scope)
    slice_properties = await manager.get_properties(slice_unit(pod.name), "Slice")
    services = await manager.get_all_properties([it.unit for it in pod.containers], "Service")
    known = {it.name: found for it in pod.containers if (found := find_known(it, scope))}
    return Description(
        state=state,
        place=place,
        units=await _list_units(manager, pod),
        groups={
            name: _make_group(properties)
            for name, properties in zip(
                ("", *(it.name for it in pod.containers)), (slice_properties, *services), strict=True
            )
        },
        probes=known,
        events=_read_last_events(pod, scope),
        messages=_read_messages(pod, folder),
    )


def _read_messages(pod: InstalledPod, folder: StateFolder) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for container in pod.containers:
        if container.keeps_message:
            try:
                message = folder.read_message(pod.name, container.name)
            except PodunitError:
                found[container.name] = None
            else:
                found.update({} if message is None else {container.name: message})
    return found


async def _list_units(manager: Manager, pod: InstalledPod) -> tuple[Unit, ...]:
    """Those of the pod, and those that make its images present, each once."""
    names = tuple(dict.fromkeys(itertools.chain(pod.texts, pod.units)))
    found = await manager.get_all_properties(names, "Unit")
    return tuple(
        Unit(name, own["ActiveState"], own["SubState"], tuple(own["DropInPaths"]))
        for name, own in zip(names, found, strict=True)
    )


def _make_group(properties: Mapping[str, Any]) -> Group:
    # 0 and infinity are no limit; a weight that nobody has set is infinity, too.
    limits = {name: value for name in _LIMITS if (value := properties.get(name, 0)) not in (0, _INFINITY)}
    return Group(properties["ControlGroup"], limits, read_usage(properties["ControlGroup"]))


def _read_last_events(pod: InstalledPod, scope: Scope) -> tuple[Event, ...] | None:
    try:
        return tuple(deque(read_events([pod], scope, since="-1h"), _EVENTS))
    except PodunitError:
        return None


def _describe_probes(known: Known | None) -> dict[str, object] | None:
    if known is None:
        return None
    results = {
        kind.value: {
            "success": last.success,
            "message": last.message,
            "at": format_time(int(last.at * 1_000_000)),
            "failures": last.failures,
            "successes": last.successes,
        }
        for kind, last in known.results.items()
    }
    return {"started": known.started, "ready": known.ready, **results}
