"""What a container may use and do: resources and security contexts.

In: objects of `schema`. Out: `model.Resources` and `model.Security`, or problems.
"""

from __future__ import annotations

import re

from podunit.decode import Located
from podunit.kubernetes import schema
from podunit.model import Resources, Security
from podunit.report import Report

_CAPABILITY = re.compile(r"[A-Z][A-Z_]*")
# The kernel's IDs end at 2^32 - 2; the API ends at 2^31 - 1.
_ID_MAX = 2**31 - 1


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


def translate_pod_resources(resources: schema.ResourceRequirements, report: Report) -> Resources | None:
    """The resources of the pod as a whole, None where it names none."""
    found = translate_resources(resources, "spec.resources", report)
    return None if found == Resources(None, None, None, None) else found


def translate_security(
    own: schema.SecurityContext, pod: schema.PodSecurityContext, path: str, report: Report
) -> Security:
    """The rights of a container; what it does not say, the pod's security context does."""
    user, group = own.run_as_user or pod.run_as_user, own.run_as_group or pod.run_as_group
    for located, name in ((own.run_as_user, "runAsUser"), (own.run_as_group, "runAsGroup")):
        _check_id(located, f"{path}.{name}", report)
    _check_id(pod.run_as_user, "spec.securityContext.runAsUser", report)
    _check_id(pod.run_as_group, "spec.securityContext.runAsGroup", report)
    if group and not user:
        owner = path if own.run_as_group else "spec.securityContext"
        report.error(group.at, f"{owner}.runAsGroup", "no effect without a runAsUser", "add the runAsUser")
    escalation = own.allow_privilege_escalation
    if escalation and not escalation.value and own.privileged:
        message = "a privileged container may always gain privileges"
        report.error(escalation.at, f"{path}.allowPrivilegeEscalation", message, "remove one of the two")
    return Security(
        user=_value(user),
        group=_value(group),
        read_only_root=own.read_only_root_filesystem,
        privileged=own.privileged,
        no_new_privileges=escalation is not None and not escalation.value,
        added_capabilities=_translate_capabilities(own.capabilities.add, f"{path}.capabilities.add", report),
        dropped_capabilities=_translate_capabilities(own.capabilities.drop, f"{path}.capabilities.drop", report),
    )


def _value(located: Located[int] | None) -> int | None:
    return located.value if located else None


def _check_id(located: Located[int] | None, path: str, report: Report) -> None:
    if located and not 0 <= located.value <= _ID_MAX:
        report.error(located.at, path, f"{located.value} is not between 0 and {_ID_MAX}")


def _translate_capabilities(names: tuple[Located[str], ...], path: str, report: Report) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if not _CAPABILITY.fullmatch(name.value):
            hint = "write it in capitals, as in capabilities(7), without 'CAP_': NET_ADMIN, or ALL"
            report.error(name.at, f"{path}[{index}]", f"'{name.value[:60]}' is not a capability", hint)
        elif name.value.startswith("CAP_") and name.value != "CAP_":
            hint = f"write '{name.value.removeprefix('CAP_')}'"
            report.error(name.at, f"{path}[{index}]", "a capability is written without 'CAP_' here", hint)
    return tuple(name.value for name in names)
