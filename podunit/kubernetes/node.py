"""What a pod asks of the machine that it runs on: its system, its runtime, its favour, what it tells of Services.

In: objects of `schema`. Out: parts of `model.Pod`, or problems.
"""

from __future__ import annotations

from podunit.kubernetes import schema
from podunit.kubernetes.naming import check_domain
from podunit.report import Report

# Built into Kubernetes; every other class is an object of a cluster.
_CRITICAL = ("system-node-critical", "system-cluster-critical")


def check_node(spec: schema.PodSpec, report: Report) -> None:
    """Refuse a system that this machine does not run; warn of what it does not tell its pods."""
    if spec.os and spec.os.name.value != "linux":
        message = f"'{spec.os.name.value[:60]}' is not linux, which this machine runs"
        report.error(spec.os.name.at, "spec.os.name", message, "write linux, or remove it")
    links = spec.enable_service_links
    if links and links.value:
        # They would hold addresses, which a pod here does not keep.
        message = "no variables tell of Services here"
        report.warning(links.at, "spec.enableServiceLinks", message, "a Service is found by its name")


def translate_runtime(spec: schema.PodSpec, report: Report) -> str | None:
    """podman's name of the OCI runtime; None for its default."""
    name = spec.runtime_class_name
    if name is None:
        return None
    check_domain(name, "spec.runtimeClassName", "name of a runtime", report)
    return name.value


def translate_priority(spec: schema.PodSpec, report: Report) -> bool:
    """Whether the machine needs the pod: it is the last to be killed when memory is short."""
    name = spec.priority_class_name
    if name is None:
        return False
    if name.value not in _CRITICAL:
        message = "no effect: no pod has to go for one of more priority on one machine"
        report.warning(name.at, "spec.priorityClassName", message, f"classes with an effect: {', '.join(_CRITICAL)}")
    return name.value in _CRITICAL
