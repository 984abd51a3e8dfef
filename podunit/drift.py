"""What others have done to an installed pod: units edited, deleted, overridden, extended, stopped, and what it uses.

In: the pod, what podunit wrote of it, systemd's search path. Out: `Drift`s. Asks no systemd and changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from podunit.installed import InstalledPod
from podunit.record import record
from podunit.written import digest


class DriftKind(StrEnum):
    """What has been done to a unit; the last two, to a network or a volume that it uses."""

    EDITED = "edited"
    DELETED = "deleted"
    MASKED = "masked"
    OVERRIDDEN = "overridden"
    DROP_IN = "drop-in"
    STOPPED = "stopped"
    REMOVED = "removed"
    CHANGED = "changed"


@record
class Drift:
    """A unit that is not as podunit wrote or started it; `path` is the file, '' for none.

    `resource` is `network podunit` or `volume data`, which the unit uses, with its difference; `runs` is whether
    the pod runs with what was there before, `is_ours` whether a unit of podunit's makes it, `mended` whether that
    was done.
    """

    kind: DriftKind
    unit: str
    path: str = ""
    resource: str = ""
    difference: str = ""
    runs: bool = False
    is_ours: bool = False
    mended: bool = False

    def __str__(self) -> str:
        match self.kind:
            case DriftKind.DROP_IN:
                return f"{self.unit} has a drop-in: {self.path}"
            case DriftKind.EDITED | DriftKind.DELETED:
                return f"{self.unit} was {self.kind} by hand; an apply puts it back"
            case DriftKind.STOPPED:
                return f"{self.unit} was stopped by hand; it stays so until 'podunit up' or 'start'"
            case DriftKind.REMOVED:
                return f"{self.resource} was removed outside podunit; {self._tell_loss()}"
            case DriftKind.CHANGED:
                return f"{self.resource} was changed outside podunit: {self.difference}; {self._tell_change()}"
        return f"{self.unit} is {self.kind} by {self.path}"

    def _tell_loss(self) -> str:
        later = ", and the pod keeps the old one until it is restarted" if self.runs else ""
        if self.resource.startswith("volume "):
            return "the next start of the pod makes an empty one: restore before what is to be in it"
        if not self.is_ours:
            return f"the pod does not start until it is there again{later}"
        return f"it was made anew{later}" if self.mended else f"an apply or a start makes it anew{later}"

    def _tell_change(self) -> str:
        if self.resource.startswith("volume "):
            return "podunit leaves it as it is: see whether what the pod needs is in it"
        if self.runs:
            return "the pod keeps the old one until it is restarted"
        if not self.is_ours:
            return "the pod uses it as it is"
        command = f"podman network rm {self.resource.split()[1]}"
        return f"the pod uses it as it is; '{command}', once its pods are stopped, lets their start make podunit's own"

    def describe(self) -> dict[str, object]:
        """The object that is printed as JSON; its keys are stable."""
        used = {"resource": self.resource, "difference": self.difference} if self.resource else {}
        return {"kind": self.kind, "unit": self.unit, "path": self.path, **used}


@record
class Others:
    """What is there of others: the files of each drop-in folder, and files in stronger folders, by unit name."""

    drop_ins: Mapping[str, tuple[Path, ...]]
    overrides: Mapping[str, tuple[Path, ...]]


def read_others(directory: Path, unit_path: Iterable[Path]) -> Others:
    """What others have put where systemd looks, the first folder first; `directory` is podunit's own."""
    drop_ins: dict[str, tuple[Path, ...]] = {}
    overrides: dict[str, tuple[Path, ...]] = {}
    folders = tuple(unit_path)
    stronger = folders[: folders.index(directory)] if directory in folders else ()
    for folder in folders:
        # Thousands of names: only those that count become paths.
        for name in sorted(os.listdir(folder)) if folder.is_dir() else ():  # noqa: PTH208
            if name.endswith(".d"):
                drop_ins[name] = (*drop_ins.get(name, ()), *sorted((folder / name).glob("*.conf")))
            elif folder in stronger:
                overrides[name] = (*overrides.get(name, ()), folder / name)
    return Others(drop_ins, overrides)


def find_drift(
    pod: InstalledPod, wanted: Mapping[str, str], written: Mapping[str, str], others: Others, state: str
) -> tuple[Drift, ...]:
    """What has become of a pod's units.

    `wanted` are texts that an apply would write, `written` the digests of those that the last one wrote of this pod, by
    name, and `state` the active state of the handle.
    """
    found = []
    for unit, text in pod.texts.items():
        # What is as it should be is nobody's concern, however it came to be so.
        if unit in written and digest(text) != written[unit] and wanted.get(unit) != text:
            found.append(Drift(DriftKind.EDITED, unit))
    found += [Drift(DriftKind.DELETED, unit) for unit in written if unit in wanted and unit not in pod.texts]
    for unit in pod.texts:
        for file in others.overrides.get(unit, ()):
            masked = file.resolve() == Path("/dev/null")
            found.append(Drift(DriftKind.MASKED if masked else DriftKind.OVERRIDDEN, unit, str(file)))
        for name in _list_drop_in_folders(unit):
            found += [Drift(DriftKind.DROP_IN, unit, str(file)) for file in others.drop_ins.get(name, ())]
    # What is to start with the machine runs, unless it has come to its end or somebody stopped it.
    goes_on = any(not container.init and not container.ends for container in pod.containers)
    if state == "inactive" and pod.boots and not pod.timer and goes_on:
        found.append(Drift(DriftKind.STOPPED, pod.unit))
    return tuple(found)


def _list_drop_in_folders(unit: str) -> tuple[str, ...]:
    """Those of the unit itself and of its template, systemd.unit(5)."""
    stem, at, _ = unit.partition("@")
    template = f"{stem}@.{unit.rpartition('.')[2]}.d"
    return (f"{unit}.d", template) if at else (f"{unit}.d",)
