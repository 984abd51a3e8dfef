"""Which limits of pods the kernel enforces here: each needs a controller of cgroups that systemd may use.

In: a manager, pods or the texts of their units. Out: `Controllers`, and the limits that have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from podunit.manager import Manager
from podunit.record import record
from podunit.scope import Scope
from podunit.unitfile import list_directives

if TYPE_CHECKING:
    from podunit.model import Container, Pod
    from podunit.report import Position, Report

_CGROUPS = Path("/sys/fs/cgroup")
# What limits, of systemd.resource-control(5); a weight or a protection without its controller breaks no promise.
_LIMITS: Mapping[str, str] = {
    "MemoryHigh": "memory",
    "MemoryMax": "memory",
    "CPUQuota": "cpu",
    "AllowedCPUs": "cpuset",
    "AllowedMemoryNodes": "cpuset",
    "TasksMax": "pids",
    "IOReadBandwidthMax": "io",
    "IOReadIOPSMax": "io",
    "IOWriteBandwidthMax": "io",
    "IOWriteIOPSMax": "io",
}
_DIRECTIVES = {"memory": "MemoryMax", "cpu": "CPUQuota"}
# Controllers of version 1 that systemd's own manager still uses, by their directories.
_OLD = {"memory": "memory", "cpu": "cpu", "pids": "pids", "blkio": "io"}


@record
class Controllers:
    """What systemd may use: `own` is what this manager has, `machine` what the machine has."""

    scope: Scope
    own: frozenset[str]
    machine: frozenset[str]

    def list_missing(self, limits: Iterable[str]) -> tuple[str, ...]:
        """The controllers that these directives need, and that are not there, sorted."""
        return tuple(sorted({_LIMITS[name] for name in limits if name in _LIMITS}.difference(self.own)))

    def explain(self, missing: Iterable[str]) -> tuple[str, str]:
        """Why these controllers are not there, and what gives them."""
        missing = tuple(missing)
        names = " and ".join(f"'{name}'" for name in missing)
        word = "controllers" if len(missing) > 1 else "controller"
        if self.scope is Scope.USER and self.machine.issuperset(missing):
            every = " ".join(sorted({"cpu", "memory", "pids", *missing}))
            hint = f"as root: 'systemctl edit user@.service', [Service] Delegate={every}; then restart user@UID.service"
            return f"the {word} {names} of cgroups is not delegated to this systemd", hint
        hint = "/sys/fs/cgroup/cgroup.controllers names those of cgroups v2; see cgroup_disable= and the mounts of v1"
        return f"this machine has no {word} {names} of cgroups for it", hint


async def find_controllers(manager: Manager, scope: Scope, root: Path = _CGROUPS) -> Controllers:
    """Those of this manager; on a machine with cgroups v1, also in part, those of v1, and none for a user."""
    machine = _read(root)
    if machine is None:
        old = frozenset(name for folder, name in _OLD.items() if (root / folder).is_dir())
        return Controllers(scope, old if scope is Scope.SYSTEM else frozenset(), frozenset())
    own = _read(root / (await manager.get_control_group()).lstrip("/"))
    return Controllers(scope, machine if own is None else own, machine)


def warn_of_limits(pods: Iterable[Pod], controllers: Controllers, report: Report) -> None:
    """Warn once for each pod, at the first of its limits that would not be enforced."""
    for pod in pods:
        lost = [(name, at) for limit, name, at in _list_limits(pod) if controllers.list_missing([limit])]
        if not lost:
            continue
        missing = controllers.list_missing(limit for limit, _, _ in _list_limits(pod))
        why, hint = controllers.explain(missing)
        *names, last = dict.fromkeys(name for name, _ in lost)
        text = f"{', '.join(names)} and {last} are" if names else f"{last} is"
        report.warning(lost[0][1], "", f"{text} not enforced: {why}", hint)


def list_unenforced(texts: Iterable[str], controllers: Controllers) -> tuple[str, ...]:
    """The directives in the texts of units that have no effect here, sorted."""
    names = {line.partition("]")[2].partition("=")[0] for text in texts for line in list_directives(text)}
    return tuple(sorted(name for name in names if controllers.list_missing([name])))


def _list_limits(pod: Pod) -> list[tuple[str, str, Position]]:
    """The directive of each limit, how the input spells it, and where."""
    found = []
    containers: tuple[Container, ...] = (*pod.init_containers, *pod.containers)
    for places in (pod.limits_at, *(container.limits_at for container in containers)):
        found += [(_DIRECTIVES[name], f"limits.{name}", at) for name, at in places]
    for setting in (*pod.settings, *(setting for container in containers for setting in container.settings)):
        found.append((setting.name, f"{setting.section}.{setting.name}", setting.at))
    return sorted(found, key=lambda limit: (limit[2].line, limit[2].column))


def _read(folder: Path) -> frozenset[str] | None:
    """The controllers of a cgroup of version 2, None if it is none."""
    try:
        return frozenset((folder / "cgroup.controllers").read_text(encoding="ascii").split())
    except OSError:
        return None
