"""What a container, and a pod as a whole, may use: limits and requests.

In: objects of `schema`. Out: `model.Resources`, or problems.
"""

from __future__ import annotations

from podunit.decode import Located, join_path
from podunit.kubernetes import schema
from podunit.kubernetes.huge_pages import refuse_huge_pages
from podunit.model import Resources
from podunit.report import Position, Report


def translate_resources(resources: schema.ResourceRequirements, path: str, report: Report) -> Resources:
    """The limits and requests of a container, or of a pod; a request is at most its limit."""
    limits, requests = resources.limits, resources.requests
    for name, limit, request in (
        ("memory", limits.memory, requests.memory),
        ("cpu", limits.cpu, requests.cpu),
    ):
        if limit and request and request.value > limit.value:
            report.error(request.at, f"{path}.requests.{name}", "more than its limit", f"the limit is at {limit.at}")
    return Resources(_value(limits.memory), _value(limits.cpu), _value(requests.memory), _value(requests.cpu))


def list_limits(resources: schema.ResourceRequirements) -> tuple[tuple[str, Position], ...]:
    """The places of the limits that a cgroup has."""
    limits = resources.limits
    return tuple((name, it.at) for name, it in (("memory", limits.memory), ("cpu", limits.cpu)) if it)


def translate_pod_resources(resources: schema.ResourceRequirements, report: Report) -> Resources | None:
    """The resources of the pod as a whole, None where it names none."""
    found = translate_resources(resources, "spec.resources", report)
    refuse_huge_pages(resources, "spec.resources", report)
    for group, own in (("limits", resources.limits), ("requests", resources.requests)):
        for key, _ in own.extended.entries:
            path = join_path(f"spec.resources.{group}", key.value)
            report.error(key.at, path, "only containers get devices", "move it to the resources of a container")
    return None if found == Resources(None, None, None, None) else found


def _value(located: Located[int] | None) -> int | None:
    return located.value if located else None
