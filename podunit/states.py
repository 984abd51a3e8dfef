"""How the containers of installed pods are, as systemd knows it.

In: installed pods and a manager. Out: `ContainerState`s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podunit.installed import InstalledPod
from podunit.manager import Manager


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One container; the words of `active`, `sub` and `result` are systemd's, 0 and '' stand for none."""

    pod: str
    container: str
    init: bool
    unit: str
    active: str
    sub: str
    result: str
    ready: bool
    restarts: int
    main_pid: int
    cgroup: str
    image: str

    def describe(self) -> dict[str, object]:
        """The object that `ps -o json` prints; its keys are stable."""
        return {name: getattr(self, name) for name in self.__slots__}


async def get_container_states(manager: Manager, pods: Iterable[InstalledPod]) -> tuple[ContainerState, ...]:
    """The states of all containers, init containers included, by pod and in the order of their start."""
    containers = [container for pod in pods for container in pod.containers]
    units = [container.unit for container in containers]
    return tuple(
        ContainerState(
            pod=container.pod,
            container=container.name,
            init=container.init,
            unit=container.unit,
            active=properties["ActiveState"],
            sub=properties["SubState"],
            result=properties["Result"],
            ready=properties["ActiveState"] == "active",
            restarts=properties["NRestarts"],
            main_pid=properties["MainPID"],
            cgroup=properties["ControlGroup"],
            image=container.image,
        )
        for container, properties in zip(
            containers, await manager.get_all_properties(units, "Unit", "Service"), strict=True
        )
    )
