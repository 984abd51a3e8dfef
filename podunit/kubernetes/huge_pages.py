"""Huge pages: how much a container may have of them, and volumes of such memory.

In: objects of `schema`. Out: sizes with bytes, and a `model.Medium`, or problems. The kernel holds containers to it
(cgroup-v2.rst, HugeTLB); that the machine has such pages is for vm.nr_hugepages to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podunit.decode import Located
from podunit.kubernetes import schema
from podunit.model import HugePage, Medium
from podunit.report import Position, Report

_BYTES = {HugePage.MEBI_2: 1 << 21, HugePage.GIBI_1: 1 << 30}
_MEDIA = {HugePage.MEBI_2: Medium.HUGE_PAGES_2MI, HugePage.GIBI_1: Medium.HUGE_PAGES_1GI}


def list_wanted(resources: schema.ResourceList) -> Mapping[HugePage, Located[int]]:
    """The bytes of each size that limits or requests name."""
    sizes = {HugePage.MEBI_2: resources.hugepages_2mi, HugePage.GIBI_1: resources.hugepages_1gi}
    return {size: wanted for size, wanted in sizes.items() if wanted}


def translate_huge_pages(
    resources: schema.ResourceRequirements, path: str, report: Report
) -> tuple[tuple[HugePage, int], ...]:
    """The limits of a container, by the rules of the API: requests are what limits are."""
    limits, requests = list_wanted(resources.limits), list_wanted(resources.requests)
    for size, wanted in requests.items():
        limit, field = limits.get(size), f"{path}.requests.hugepages-{size}"
        if limit is None:
            report.error(wanted.at, field, "huge pages need a limit, too", "write the same below limits")
        elif limit.value != wanted.value:
            hint = f"write the same, or leave it out; the limit is at {limit.at}"
            report.error(wanted.at, field, "not what its limit is", hint)
    others = (resources.limits.memory, resources.limits.cpu, resources.requests.memory, resources.requests.cpu)
    for size, limit in limits.items():
        field = f"{path}.limits.hugepages-{size}"
        if limit.value % _BYTES[size]:
            report.error(limit.at, field, f"not a multiple of {size}, which is one page")
        if not any(others):
            hint = "write how much other memory the container needs"
            report.error(limit.at, field, "huge pages need a request or limit of memory or cpu beside them", hint)
    return tuple((size, limit.value) for size, limit in limits.items())


def refuse_huge_pages(resources: schema.ResourceRequirements, path: str, report: Report) -> None:
    """A pod as a whole cannot have them."""
    for group, own in (("limits", resources.limits), ("requests", resources.requests)):
        for size, wanted in list_wanted(own).items():
            message = "systemd has no limit of a slice for huge pages"
            report.error(wanted.at, f"{path}.{group}.hugepages-{size}", message, "move it to the containers")


def choose_medium(medium: Located[Medium], containers: Iterable[schema.Container], path: str, report: Report) -> Medium:
    """The medium of a volume, with the size of the pages; as in a cluster, a container has to ask for such pages."""
    sizes = {size for container in containers for size in list_wanted(container.resources.limits)}
    wanted = {_MEDIA[size] for size in sizes}
    if medium.value in (Medium.DISK, Medium.MEMORY, *wanted):
        return medium.value
    if medium.value is Medium.HUGE_PAGES and len(wanted) == 1:
        return wanted.pop()
    if medium.value is Medium.HUGE_PAGES and wanted:
        report.error(
            medium.at, path, "containers of the pod ask for pages of two sizes", "write HugePages-2Mi or HugePages-1Gi"
        )
    else:
        size = medium.value.partition("-")[2] or HugePage.MEBI_2
        hint = f"write a limit of hugepages-{size} for those that mount it"
        report.error(medium.at, path, "no container of the pod asks for such pages", hint)
    return medium.value


def warn_of_size(at: Position, path: str, medium: Medium, report: Report) -> None:
    """Say that a volume on this medium has no limit of its own, where that is so."""
    if medium is Medium.DISK:
        message, hint = (
            "not enforced: a directory on disk has no limit of its own",
            "with 'medium: Memory' it is enforced",
        )
        report.warning(at, path, message, hint)
    elif medium is not Medium.MEMORY:
        hint = "each container's own limit of huge pages holds for what it writes"
        report.warning(at, path, "not enforced: such memory has no limit but the containers' own", hint)
