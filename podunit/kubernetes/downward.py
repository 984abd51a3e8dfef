"""What a pod may know of itself: the fields and resources that the API hands down (`fieldRef`, `resourceFieldRef`).

In: selectors, and the pod they are in. Out: text, with `model.Fact`s for what only a running pod has; or problems.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction

from podunit.decode import Located, suggest
from podunit.kubernetes import schema
from podunit.kubernetes.schema_environment import ObjectFieldSelector, ResourceFieldSelector
from podunit.model import Fact, Text
from podunit.record import record
from podunit.report import Report

_FACTS = {
    "spec.nodeName": Fact.NODE_NAME,
    "status.podIP": Fact.POD_IP,
    "status.podIPs": Fact.POD_IP,
    "status.hostIP": Fact.HOST_IP,
    "status.hostIPs": Fact.HOST_IP,
}
_KEYED = re.compile(r"(metadata\.(?:labels|annotations))\['([^']+)'\]")
_RESOURCES = ("limits.cpu", "limits.memory", "requests.cpu", "requests.memory")


@record
class Self:
    """The pod that asks, as the API describes it."""

    name: str
    namespace: str
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]
    containers: tuple[schema.Container, ...]


def read_field(selector: ObjectFieldSelector, pod: Self, path: str, report: Report) -> Text:
    """The value of a `fieldRef` in a variable."""
    field = selector.field_path
    if field.value in _FACTS:
        return (_FACTS[field.value],)
    if field.value in ("metadata.labels", "metadata.annotations"):
        hint = f"write {field.value}['KEY'], or use a volume"
        report.error(field.at, f"{path}.fieldPath", f"'{field.value}' is more than a variable holds", hint)
        return ""
    return _read_metadata(field, pod, f"{path}.fieldPath", (*_FACTS, "spec.serviceAccountName"), report)


def read_file_field(selector: ObjectFieldSelector, pod: Self, path: str, report: Report) -> str:
    """The value of a `fieldRef` in a volume: the metadata alone, labels and annotations also as a whole."""
    field = selector.field_path
    if field.value in ("metadata.labels", "metadata.annotations"):
        entries = pod.labels if field.value == "metadata.labels" else pod.annotations
        # The kubelet's format: sorted, the values quoted as Go quotes them.
        return "\n".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in sorted(entries))
    return _read_metadata(field, pod, f"{path}.fieldPath", (), report)


def _read_metadata(field: Located[str], pod: Self, path: str, others: tuple[str, ...], report: Report) -> str:
    known = {
        "metadata.name": pod.name,
        "metadata.namespace": pod.namespace,
        "metadata.uid": _make_uid(pod),
    }
    if others:
        known["spec.serviceAccountName"] = "default"
    if field.value in known:
        return known[field.value]
    if keyed := _KEYED.fullmatch(field.value):
        entries = pod.labels if keyed[1] == "metadata.labels" else pod.annotations
        return dict(entries).get(keyed[2], "")
    names = dict.fromkeys((*known, *others, "metadata.labels['KEY']", "metadata.annotations['KEY']"))
    hint = suggest(field.value, names) or f"known are {', '.join(names)}"
    report.error(field.at, path, f"'{field.value[:60]}' is not a field that a pod is told", hint)
    return ""


def _make_uid(pod: Self) -> str:
    """The same pod has the same uid for ever."""
    import uuid  # with OpenSSL, which is slow to start

    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, "podunit:pod"), f"{pod.namespace}/{pod.name}"))


def read_resource(selector: ResourceFieldSelector, pod: Self, container: str | None, path: str, report: Report) -> str:
    """The value of a `resourceFieldRef`, rounded up to whole units of its divisor; `container` is the one that asks."""
    resource, name = selector.resource, selector.container_name
    if resource.value not in _RESOURCES:
        hint = suggest(resource.value, _RESOURCES) or f"known are {', '.join(_RESOURCES)}"
        report.error(resource.at, f"{path}.resource", f"'{resource.value[:60]}' is not a resource of a container", hint)
        return ""
    wanted = name.value if name else container
    found = next((each for each in pod.containers if each.name.value == wanted), None)
    if found is None:
        at, message = (name or resource).at, f"there is no container '{wanted}'" if wanted else "no container is named"
        report.error(at, f"{path}.containerName", message, "name the container whose resource it is")
        return ""
    group, _, what = resource.value.partition(".")
    lists = [found.resources.requests, found.resources.limits] if group == "requests" else [found.resources.limits]
    amount = next((value for each in lists if (value := each.cpu if what == "cpu" else each.memory)), None)
    if amount is None:
        hint = "set it: without one it is the machine's own, which is known only there"
        report.error(resource.at, f"{path}.resource", f"container '{wanted}' has no {resource.value}", hint)
        return ""
    units = Fraction(amount.value, 1000 if what == "cpu" else 1)
    return str(-(-units // (selector.divisor.value if selector.divisor else 1)))
