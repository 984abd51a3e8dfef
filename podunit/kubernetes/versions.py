"""Versions of the API that Kubernetes no longer serves, read as those of today.

In: a document. Out: the same as the version of today has it, with the defaults that its own had (Kubernetes' Deprecated
API Migration Guide), and a warning at the apiVersion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from podunit import source
from podunit.report import Position, Report

_OWNERS = ("apps/v1", "1.16")

# apiVersion and kind → the version of today, and the Kubernetes that has dropped the old one.
_REMOVED: Mapping[tuple[str, str], tuple[str, str]] = {
    **{("apps/v1beta1", kind): _OWNERS for kind in ("Deployment", "StatefulSet", "ReplicaSet")},
    **{("apps/v1beta2", kind): _OWNERS for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")},
    **{("extensions/v1beta1", kind): _OWNERS for kind in ("Deployment", "DaemonSet", "ReplicaSet")},
    ("batch/v1beta1", "CronJob"): ("batch/v1", "1.25"),
    ("batch/v2alpha1", "CronJob"): ("batch/v1", "1.21"),
    ("policy/v1beta1", "PodDisruptionBudget"): ("policy/v1", "1.25"),
    ("storage.k8s.io/v1beta1", "StorageClass"): ("storage.k8s.io/v1", "1.22"),
    ("scheduling.k8s.io/v1beta1", "PriorityClass"): ("scheduling.k8s.io/v1", "1.22"),
}
# Of these a selector that is missing is the labels of the template.
_WITHOUT_SELECTOR = ("apps/v1beta1", "extensions/v1beta1")
_ON_DELETE = (("apps/v1beta1", "StatefulSet"), ("extensions/v1beta1", "DaemonSet"))
_NO_DEADLINE = (("extensions/v1beta1", "Deployment"),)
_INT32_MAX = 2**31 - 1


def find_version(version: str, kind: str) -> str:
    """The version of today that a document is read as: its own, unless Kubernetes has dropped that."""
    return _REMOVED.get((version, kind), (version, ""))[0]


def modernise(node: source.Mapping, report: Report) -> source.Mapping:
    """A document as the version of today has it, which is what it is already if Kubernetes still serves its own."""
    version, kind = _find_scalar(node, "apiVersion"), _find_scalar(node, "kind")
    if version is None or kind is None or (version.text, kind.text) not in _REMOVED:
        return node
    today, since = _REMOVED[version.text, kind.text]
    message = f"'{version.text}' was removed in Kubernetes {since}: read as '{today}'"
    report.warning(version.at, "apiVersion", message, f"write '{today}'")
    spec = _find(node, "spec")
    if isinstance(spec, source.Mapping):
        node = _put(node, "spec", _add_defaults(spec, (version.text, kind.text)), spec.at)
    return _put(node, "apiVersion", replace(version, text=today), version.at)


def _add_defaults(spec: source.Mapping, key: tuple[str, str]) -> source.Mapping:
    labels = _find(_find(_find(spec, "template"), "metadata"), "labels")
    if key[0] in _WITHOUT_SELECTOR and _find(spec, "selector") is None and labels is not None:
        selector = source.Mapping((_write("matchLabels", labels, labels.at),), labels.at)
        spec = _put(spec, "selector", selector, labels.at)
    strategy = _find(spec, "updateStrategy")
    if key in _ON_DELETE and _find(strategy, "type") is None and isinstance(strategy, source.Mapping | None):
        kind = source.Scalar("OnDelete", "str", spec.at, True)
        strategy = strategy or source.Mapping((), spec.at)
        spec = _put(spec, "updateStrategy", _put(strategy, "type", kind, spec.at), strategy.at)
    if key in _NO_DEADLINE and _find(spec, "progressDeadlineSeconds") is None:
        spec = _put(spec, "progressDeadlineSeconds", source.Scalar(str(_INT32_MAX), "int", spec.at, True), spec.at)
    return spec


def _find(node: source.Node | None, key: str) -> source.Node | None:
    """What a mapping has at a key; None for nothing, and for null."""
    entries = node.entries if isinstance(node, source.Mapping) else ()
    found = next((entry.value for entry in entries if entry.key.text == key), None)
    return None if isinstance(found, source.Scalar) and found.tag == "null" else found


def _find_scalar(node: source.Mapping, key: str) -> source.Scalar | None:
    found = _find(node, key)
    return found if isinstance(found, source.Scalar) else None


def _write(key: str, value: source.Node, at: Position) -> source.Entry:
    return source.Entry(source.Scalar(key, "str", at, True), value)


def _put(node: source.Mapping, key: str, value: source.Node, at: Position) -> source.Mapping:
    """The mapping with another value at a key, in its old place, or else at the end."""
    if _find(node, key) is None:
        rest = tuple(entry for entry in node.entries if entry.key.text != key)
        return source.Mapping((*rest, _write(key, value, at)), node.at)
    entries = (source.Entry(entry.key, value) if entry.key.text == key else entry for entry in node.entries)
    return source.Mapping(tuple(entries), node.at)
