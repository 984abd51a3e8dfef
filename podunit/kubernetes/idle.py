"""Kinds that change nothing of what runs on one machine: accepted with a warning, and checked all the same.

In: documents. Out: problems alone. The table says which fields they have, and why they have no effect; it is read when
somebody writes such a kind, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping

from podunit import source
from podunit.decode import check_scalar, join_path, report_mismatch, report_unknown
from podunit.report import Position, Report

# apiVersion and kind.
IDLE = (
    ("policy/v1", "PodDisruptionBudget"),
    ("v1", "ServiceAccount"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("storage.k8s.io/v1", "StorageClass"),
)
_SCALARS: Mapping[str, type[str | int | bool]] = {"integer": int, "boolean": bool, "string": str}


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
    unsupported = {field.name: field.text for field in fields.values() if field.verdict is Verdict.REFUSED}
    for entry in node.entries:
        key, value = entry.key, entry.value
        own_path, field = join_path(path, key.text), fields.get(key.text)
        if field is None:
            report_unknown(key, own_path, fields.keys() - unsupported.keys(), unsupported, report)
        elif isinstance(value, source.Scalar) and value.tag == "null":
            continue
        elif key.text in unsupported:
            report.error(key.at, own_path, f"'{key.text}' is not supported", unsupported[key.text])
        else:
            _check_value(value, field.type, own_path, key.at, report)


def _check_value(value: source.Node, kind: str, path: str, named_at: Position, report: Report) -> None:
    from podunit.kubernetes.lookup import list_objects

    if kind.startswith("[]"):
        if not isinstance(value, source.Sequence):
            report_mismatch(value, "a list", path, named_at, report)
            return
        for index, item in enumerate(value.items):
            _check_value(item, kind.removeprefix("[]"), f"{path}[{index}]", item.at, report)
    elif kind.startswith("map[string]"):
        if not isinstance(value, source.Mapping):
            report_mismatch(value, "a mapping", path, named_at, report)
            return
        for entry in value.entries:
            own_path = join_path(path, entry.key.text)
            _check_value(entry.value, kind.removeprefix("map[string]"), own_path, entry.key.at, report)
    elif kind in list_objects():
        if isinstance(value, source.Mapping):
            _check(value, kind, path, report)
        else:
            report_mismatch(value, "a mapping", path, named_at, report)
    elif kind in _SCALARS:
        check_scalar(value, _SCALARS[kind], path, named_at, report)
    elif not isinstance(value, source.Scalar):
        report_mismatch(value, "a single value", path, named_at, report)
