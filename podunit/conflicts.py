"""What only several objects together can get wrong: one name or one host port claimed twice, names too long for units.

In: the model. Out: problems that name both places.
"""

from __future__ import annotations

from ipaddress import ip_address

from podunit.engines.nfs import mount_point
from podunit.model import ImageVolume, NetworkDirectory, Owner, Pod, Port
from podunit.names import container_unit, image_unit, mount_unit, passing_slice
from podunit.report import Position, Report
from podunit.unitfile import UNIT_NAME_MAX
from podunit.workload import Controller, Workload


def find_conflicts(workload: Workload, report: Report) -> None:
    """Report every conflict among the objects of one command."""
    _check_owners(workload, report)
    _check_pods(workload, report)
    for pod in workload.pods:
        _check_lengths(pod, report)
    _check_host_ports(workload, report)


def _check_owners(workload: Workload, report: Report) -> None:
    first_of_owner: dict[Owner, Controller] = {}
    for controller in workload.controllers:
        first = first_of_owner.setdefault(controller.owner, controller)
        if first is not controller:
            message = f"a second {controller.owner.kind} '{controller.owner.name}'"
            report.error(
                controller.name_at,
                "metadata.name",
                message + _tell_namespaces(first.namespace, controller.namespace),
                f"the first is at {first.name_at}",
            )


def _check_pods(workload: Workload, report: Report) -> None:
    first_of_name: dict[str, Pod] = {}
    told: set[tuple[Position, Position]] = set()
    for pod in workload.pods:
        first = first_of_name.setdefault(pod.name, pod)
        if first is pod or (pod.owner is not None and pod.owner == first.owner):
            continue
        # Two owners may have many pods in common.
        if (pod.name_at, first.name_at) not in told:
            told.add((pod.name_at, first.name_at))
            message = f"a second pod '{pod.name}'{_tell_owner(pod.owner)}"
            report.error(
                pod.name_at,
                "metadata.name",
                message + _tell_namespaces(first.namespace, pod.namespace),
                f"the first is at {first.name_at}{_tell_owner(first.owner)}",
            )


def _tell_owner(owner: Owner | None) -> str:
    return f", of {owner.kind} '{owner.name}'" if owner else ""


def _tell_namespaces(first: str, second: str) -> str:
    return "" if first == second else f": namespaces '{first}' and '{second}' are one on this machine"


def _check_lengths(pod: Pod, report: Report) -> None:
    if (length := len(passing_slice(pod.name, ""))) > UNIT_NAME_MAX:
        report.error(
            pod.name_at,
            "metadata.name",
            f"too long: a slice of the pod would have a name of {length} characters, systemd takes {UNIT_NAME_MAX}",
            "a dash counts as four characters there",
        )
    for container in (*pod.init_containers, *pod.containers):
        if (length := len(container_unit(pod.name, container.name))) > UNIT_NAME_MAX:
            report.error(
                container.at,
                "",
                f"the unit of container '{container.name}' in pod '{pod.name}' would have a name of {length}"
                f" characters, systemd takes {UNIT_NAME_MAX}",
                "shorten the pod's or the container's name",
            )
        _check_image_length(container.image, container.image_at, report)
    for volume in pod.volumes:
        if isinstance(volume, NetworkDirectory):
            length = len(mount_unit(mount_point(pod, volume)))
            if length > UNIT_NAME_MAX:
                message = f"its mount unit would have a name of {length} characters, systemd takes {UNIT_NAME_MAX}"
                report.error(volume.at, "", message, "shorten the pod's or the volume's name")
        if isinstance(volume, ImageVolume):
            _check_image_length(volume.image, volume.image_at, report)


def _check_image_length(image: str, at: Position, report: Report) -> None:
    if (length := len(image_unit(image, always=True))) > UNIT_NAME_MAX:
        report.error(
            at,
            "",
            f"the unit of this image would have a name of {length} characters, systemd takes {UNIT_NAME_MAX}",
            "tag the image with a shorter name",
        )


def _check_host_ports(workload: Workload, report: Report) -> None:
    claims: dict[tuple[int, str], list[Port]] = {}
    for pod in workload.pods:
        own = (port for container in (*pod.init_containers, *pod.containers) for port in container.ports)
        for port in (*own, *pod.published):
            if port.host_port is None:
                continue
            others = claims.setdefault((port.host_port, port.protocol), [])
            for other in others:
                if _overlap(port.host_ip, other.host_ip):
                    report.error(
                        port.at,
                        "",
                        f"host port {port.host_port}/{port.protocol} is taken already",
                        f"the first claim is at {other.at}",
                    )
                    break
            others.append(port)


def _overlap(one: str, other: str) -> bool:
    if not one or not other:
        return True
    first, second = ip_address(one), ip_address(other)
    if first.version != second.version:
        return False
    return first == second or first.is_unspecified or second.is_unspecified
