"""Why a pod did not start: the units that failed, how, and what they said.

In: a pod and the running systemd. Out: `UnitFailure`s, for whoever prints them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from podunit.history import read_failures
from podunit.installed import InstalledPod
from podunit.journal import find_last_lines
from podunit.manager import Manager
from podunit.names import parse_container_unit
from podunit.record import record
from podunit.scope import Scope

_LOG_LINES = 10

# siginfo's si_code of a child, as in ExecMainCode (org.freedesktop.systemd1(5)).
_EXITED, _KILLED, _DUMPED = 1, 2, 3


@record
class UnitFailure:
    """One failed unit: `result` as in its property Result, `ending` as 'exit status 127', and its last lines."""

    unit: str
    container: str
    result: str
    ending: str
    log: tuple[str, ...]

    def describe(self) -> dict[str, object]:
        """The object that is printed as JSON; its keys are stable."""
        return {
            "unit": self.unit,
            "container": self.container,
            "result": self.result,
            "ending": self.ending,
            "log": list(self.log),
        }


async def find_failures(manager: Manager, pod: InstalledPod, scope: Scope, since_usec: int) -> tuple[UnitFailure, ...]:
    """The units of a pod whose last start or run failed since a time, in the order in which they start."""
    found = []
    units = [unit for unit in pod.units if unit != pod.unit]
    shown = dict(zip(units, await manager.get_all_properties(units, "Unit", "Service"), strict=True))
    # systemd forgets how a unit has failed as soon as it is tried again.
    tried = [unit for unit in units if shown[unit]["ActiveState"] == "activating"] if since_usec else []
    before = read_failures(tried, scope, since_usec)
    for unit, properties in shown.items():
        result, ending = properties["Result"], _describe_ending(properties)
        if result == "success" and unit in before:
            status = before[unit].status
            result, ending = before[unit].result, f"exit status {status}" if status else ""
        elif result == "success" or properties["StateChangeTimestamp"] < since_usec:
            continue
        parsed = parse_container_unit(unit)
        found.append(UnitFailure(unit, parsed[1] if parsed else "", result, ending, ()))
    logs = await asyncio.gather(*(find_last_lines(one.unit, scope, since_usec, _LOG_LINES) for one in found))
    return tuple(replace(one, log=log) for one, log in zip(found, logs, strict=True))


def _describe_ending(properties: Mapping[str, Any]) -> str:
    status = properties["ExecMainStatus"]
    match properties["ExecMainCode"]:
        case code if code == _EXITED:
            return f"exit status {status}"
        case code if code in (_KILLED, _DUMPED):
            return f"killed by signal {status}"
    return ""
