"""What of a unit changes while it runs: what limits and weighs its cgroup.

In: texts of unit files. Out: whether they differ by more than that, and the directives by which. Knows no pods.
"""

from __future__ import annotations

from collections.abc import Iterator

from podunit.unitfile import list_directives

# Of systemd.resource-control(5) what is written to the cgroup; not what oomd, the network and devices go by.
_NAMES = """
    AllowedCPUs AllowedMemoryNodes CPUAccounting CPUQuota CPUQuotaPeriodSec CPUWeight DefaultMemoryLow DefaultMemoryMin
    DefaultStartupMemoryLow IOAccounting IODeviceLatencyTargetSec IODeviceWeight IOReadBandwidthMax IOReadIOPSMax
    IOWeight IOWriteBandwidthMax IOWriteIOPSMax MemoryAccounting MemoryHigh MemoryLow MemoryMax MemoryMin MemorySwapMax
    MemoryZSwapMax StartupAllowedCPUs StartupAllowedMemoryNodes StartupCPUWeight StartupIOWeight StartupMemoryHigh
    StartupMemoryLow StartupMemoryMax StartupMemorySwapMax StartupMemoryZSwapMax TasksAccounting TasksMax
"""
_LIVE = frozenset(_NAMES.split())
# Said to the kernel once a container runs; an apply says it to those that run already.
_OOM_GROUP = "memory.oom.group"


def differs(before: str | None, after: str | None) -> bool:
    """Whether two texts of a unit differ by what a running unit does not take: not by remarks, limits, or [Install]."""
    if before is None or after is None:
        return before is not after
    return before != after and list(_list_fixed(before)) != list(_list_fixed(after))


def list_changed_limits(before: str | None, after: str | None) -> tuple[str, ...]:
    """The names of limits that are not the same in two texts of a unit, sorted."""
    if before is None or after is None or before == after:
        return ()
    old, new = _list_limits(before), _list_limits(after)
    return tuple(sorted(name for name in {*old, *new} if old.get(name) != new.get(name)))


def kills_all(text: str | None) -> bool:
    """Whether all of a container is killed when it is over a limit of memory."""
    return text is not None and any(_OOM_GROUP in line for line in list_directives(text))


def _list_limits(text: str) -> dict[str, list[str]]:
    """The lines of each limit: later ones add to earlier ones, or take their place."""
    found: dict[str, list[str]] = {}
    for line in list_directives(text):
        if _name(line) in _LIVE:
            found.setdefault(_name(line), []).append(line)
    return found


def _list_fixed(text: str) -> Iterator[str]:
    """All directives but for limits, and for the links that are made when a unit is enabled."""
    for line in list_directives(text):
        if line.startswith("[Install]") or _name(line) in _LIVE:
            continue
        if _name(line) != "ExecStartPost" or _OOM_GROUP not in line:
            yield line


def _name(line: str) -> str:
    return line.partition("]")[2].partition("=")[0]
