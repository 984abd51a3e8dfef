"""Devices of vendors (`nvidia.com/gpu: 1`), by their names of the Container Device Interface.

In: extended resources of containers, and annotations that name devices. Out: names such as nvidia.com/gpu=0, or
problems. Kubernetes gives each device to one container; here nobody keeps count, and a warning says which are taken.
"""

from __future__ import annotations

import re

from podunit.decode import Located, join_path
from podunit.kubernetes import schema
from podunit.report import Report

# tags.cncf.io: vendor/class=device.
_NAME = re.compile(r"([a-zA-Z0-9][a-zA-Z0-9._-]*/[a-zA-Z0-9][a-zA-Z0-9._-]*)=[a-zA-Z0-9][a-zA-Z0-9._:-]*")
_ALL = "all"


class Devices:
    """The devices of one pod's containers; `named` are annotations, by container."""

    def __init__(self, named: dict[str, Located[str]], report: Report) -> None:
        self._named = named
        self._report = report
        self._next: dict[str, int] = {}

    def assign(self, container: schema.Container, path: str, *, ends: bool) -> tuple[str, ...]:
        """The devices of a container, whose path is given; one that `ends` leaves its own to those after it."""
        self._check_requests(container.resources, path)
        found: list[str] = []
        named = self._read_named(container)
        for key, count in container.resources.limits.extended.entries:
            kind, limit = key.value, f"{path}.resources.limits"
            if own := named.pop(kind, []):
                if len(own) != count.value and f"{kind}={_ALL}" not in own:
                    message = f"{count.value} asked for, and the annotation podunit/{container.name.value}.devices"
                    self._report.error(count.at, join_path(limit, kind), f"{message} names {len(own)}")
            elif count.value:
                first = 0 if ends else self._next.get(kind, 0)
                own = [f"{kind}={number}" for number in range(first, first + count.value)]
                if not ends:
                    self._next[kind] = first + count.value
                message = f"taken: {', '.join(own[:3])}{' …' if own[3:] else ''}; other pods may have the same"
                hint = f"the annotation podunit/{container.name.value}.devices names others"
                self._report.warning(key.at, join_path(limit, kind), message, hint)
            found += own
        for kind in named:
            message = f"the container has no {kind} in its limits"
            self._fail(container.name.value, message, "add it to the container's resources.limits")
        return tuple(found)

    def _check_requests(self, resources: schema.ResourceRequirements, path: str) -> None:
        # As the API: a device is never shared, so that a request is what the limit is.
        limits = {key.value: count.value for key, count in resources.limits.extended.entries}
        for key, count in resources.requests.extended.entries:
            if limits.get(key.value) != count.value:
                field = join_path(f"{path}.resources.requests", key.value)
                self._report.error(
                    key.at,
                    field,
                    "devices are not shared: a request is as much as its limit",
                    "write the same number below limits",
                )

    def _read_named(self, container: schema.Container) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        named = self._named.get(container.name.value)
        for name in named.value.replace(",", " ").split() if named else ():
            match = _NAME.fullmatch(name)
            if match is None:
                self._fail(
                    container.name.value, f"'{name[:60]}' is not the name of a device", "write vendor/class=name"
                )
                continue
            found.setdefault(match[1], []).append(name)
        return found

    def _fail(self, container: str, message: str, hint: str) -> None:
        path = join_path("metadata.annotations", f"podunit/{container}.devices")
        self._report.error(self._named[container].at, path, message, hint)
