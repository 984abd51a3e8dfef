"""Kinds that change nothing of what runs on one machine: accepted with a warning, and checked all the same.

In: documents. Out: problems alone. The table says which fields they have, and why they have no effect; it is read when
somebody writes such a kind, and not before.
"""

from __future__ import annotations

from podunit import source
from podunit.decode import join_path, suggest
from podunit.report import Report

# apiVersion and kind.
IDLE = (
    ("policy/v1", "PodDisruptionBudget"),
    ("v1", "ServiceAccount"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("storage.k8s.io/v1", "StorageClass"),
)
_TAGS = {"integer": ("int",), "boolean": ("bool",), "string": ("str",)}


def check_idle(node: source.Mapping, kind: source.Scalar, report: Report) -> None:
    """Warn of the kind, and report what is no field of it, or is refused."""
    from podunit.kubernetes.lookup import list_objects

    fields = list_objects()[kind.text].fields
    reason = next(field.text for field in fields if field.name == "kind")
    report.warning(kind.at, "kind", f"'{kind.text}' has no effect here", reason)
    _check(node, kind.text, "", report)


def _check(node: source.Mapping, name: str, path: str, report: Report) -> None:
    from podunit.kubernetes.fields import Verdict
    from podunit.kubernetes.lookup import list_objects

    fields = {field.name: field for field in list_objects()[name].fields}
    for entry in node.entries:
        key, value = entry.key, entry.value
        own_path, field = join_path(path, key.text), fields.get(key.text)
        if field is None:
            hint = suggest(key.text, fields) or f"fields allowed here: {', '.join(sorted(fields))}"
            report.error(key.at, own_path, f"unknown field '{key.text[:60]}'", hint)
        elif isinstance(value, source.Scalar) and value.tag == "null":
            continue
        elif field.verdict is Verdict.REFUSED:
            report.error(key.at, own_path, f"'{key.text}' is not supported", field.text)
        else:
            _check_value(value, field.type, own_path, report)


def _check_value(value: source.Node, kind: str, path: str, report: Report) -> None:
    from podunit.kubernetes.lookup import list_objects

    if kind.startswith("[]"):
        if not isinstance(value, source.Sequence):
            report.error(value.at, path, "expected a list")
            return
        for index, item in enumerate(value.items):
            _check_value(item, kind.removeprefix("[]"), f"{path}[{index}]", report)
    elif kind.startswith("map[") or kind in list_objects():
        if not isinstance(value, source.Mapping):
            report.error(value.at, path, "expected a mapping")
        elif kind in list_objects():
            _check(value, kind, path, report)
    elif kind in _TAGS and not (isinstance(value, source.Scalar) and value.tag in _TAGS[kind]):
        noun = {"integer": "a number", "boolean": "true or false", "string": "a string"}[kind]
        report.error(value.at, path, f"expected {noun}")
