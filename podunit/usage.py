"""What pods and containers use: the kernel's counters of their cgroups.

In: cgroups, by the path that systemd knows. Out: `Usage`, of one moment, and `Load`, of the time between two. A counter
that the kernel does not keep there, for want of a controller, is None (cgroup-v2.rst).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from podunit.installed import InstalledPod
from podunit.manager import Manager
from podunit.names import slice_unit
from podunit.record import record

CGROUPS = Path("/sys/fs/cgroup")

_CPU = re.compile(r"^usage_usec (\d+)$", re.MULTILINE)
_READ = re.compile(r" rbytes=(\d+)")
_WRITTEN = re.compile(r" wbytes=(\d+)")


@record
class Usage:
    """The counters of one cgroup: since it was made, but for `memory_bytes` and `tasks`, which are those of now."""

    memory_bytes: int | None = None
    cpu_usec: int | None = None
    tasks: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None


@record
class Load:
    """How much there was per second between two moments, of which `usage` is the later one; 100 % is one CPU."""

    usage: Usage
    cpu_percent: float | None
    read_bytes_per_sec: float | None
    written_bytes_per_sec: float | None

    def describe(self) -> dict[str, object]:
        """The values that `top -o json` prints; their keys are stable."""
        return {
            "memory_bytes": self.usage.memory_bytes,
            "tasks": self.usage.tasks,
            "cpu_usec": self.usage.cpu_usec,
            "read_bytes": self.usage.read_bytes,
            "written_bytes": self.usage.written_bytes,
            "cpu_percent": _round(self.cpu_percent),
            "read_bytes_per_sec": _round(self.read_bytes_per_sec),
            "written_bytes_per_sec": _round(self.written_bytes_per_sec),
        }


def read_usage(cgroup: str, root: Path = CGROUPS) -> Usage:
    """The counters of a cgroup; of one that is not there, or '' for none, nothing is known."""
    if not cgroup:
        return Usage()
    folder = root / cgroup.lstrip("/")
    io = _read(folder / "io.stat")
    return Usage(
        memory_bytes=_parse(_read(folder / "memory.current")),
        cpu_usec=_parse(found[1]) if (found := _CPU.search(_read(folder / "cpu.stat") or "")) else None,
        tasks=_parse(_read(folder / "pids.current")),
        read_bytes=None if io is None else sum(map(int, _READ.findall(io))),
        written_bytes=None if io is None else sum(map(int, _WRITTEN.findall(io))),
    )


def measure(before: Usage, after: Usage, seconds: float) -> Load:
    """What has been used between two readings, so many seconds apart."""

    def rate(old: int | None, new: int | None, unit: float) -> float | None:
        if old is None or new is None:
            return None
        # A container that was started again counts from 0.
        return (new - old if new >= old else new) / unit / seconds

    return Load(
        usage=after,
        # A hundredth of a second of CPU in each second is 1 %.
        cpu_percent=rate(before.cpu_usec, after.cpu_usec, 10_000),
        read_bytes_per_sec=rate(before.read_bytes, after.read_bytes, 1),
        written_bytes_per_sec=rate(before.written_bytes, after.written_bytes, 1),
    )


async def read_usages(
    manager: Manager, pods: Iterable[InstalledPod], root: Path = CGROUPS
) -> Mapping[tuple[str, str], Usage]:
    """The counters of pods and their containers, by (pod, container) and (pod, '') for all of the pod."""
    pods = tuple(pods)
    slices = await manager.get_all_properties([slice_unit(pod.name) for pod in pods], "Slice")
    containers = [container for pod in pods for container in pod.containers]
    services = await manager.get_all_properties([container.unit for container in containers], "Service")
    keys = [*((pod.name, "") for pod in pods), *((it.pod, it.name) for it in containers)]
    cgroups = [properties["ControlGroup"] for properties in (*slices, *services)]
    return {key: read_usage(cgroup, root) for key, cgroup in zip(keys, cgroups, strict=True)}


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        # Not kept there, or gone meanwhile.
        return None


def _parse(text: str | None) -> int | None:
    return int(text) if text else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
