"""Refusals of what podunit honours, but not for pods of the crun engine.

In: an object as it is written, and pods that were made of it. Out: problems, at the fields.
"""

from __future__ import annotations

from collections.abc import Iterable

from podunit import source
from podunit.decode import join_path
from podunit.kubernetes.engine_fields import is_taken, list_values
from podunit.kubernetes.fields import Verdict
from podunit.model import Engine, Files, Pod, Relabel
from podunit.report import Report

ANNOTATION = "podunit/engine"
_RELABEL = "podunit/relabel"
_HINT = f"leave it out, or the annotation {ANNOTATION}"

# Where an object has a pod, or a template of pods.
_TEMPLATES = ((), ("spec", "template"), ("spec", "jobTemplate", "spec", "template"))


def refuse_fields(node: source.Mapping, report: Report) -> None:
    """Refuse what the engine of a pod, or of a template of pods, does not take."""
    for way in _TEMPLATES:
        template = _descend(node, way)
        notes = {note.key.text: note for note in _list_entries(_descend(template, ("metadata", "annotations")))}
        engine = notes.get(ANNOTATION)
        if engine is None or not isinstance(engine.value, source.Scalar) or engine.value.text != Engine.CRUN:
            continue
        path = ".".join(way)
        for key, note in notes.items():
            value = note.value.text if isinstance(note.value, source.Scalar) else ""
            own = join_path(".".join((*way, "metadata", "annotations")), key)
            if key.startswith("podunit/") and (key.endswith(".devices") or (key == _RELABEL and value != Relabel.NONE)):
                report.error(note.key.at, own, f"'{key[:60]}' is not supported with {ANNOTATION}: crun", _HINT)
        _refuse(_descend(template, ("spec",)), "PodSpec", f"{path}.spec".lstrip("."), report)


def refuse_volumes(pods: Iterable[Pod], report: Report) -> None:
    """Refuse what only shows once everything is known that a pod refers to."""
    for pod in pods:
        if pod.engine is not Engine.CRUN:
            continue
        for container in (*pod.init_containers, *pod.containers):
            for mount in container.mounts:
                if mount.sub_path and not isinstance(mount.volume, Files):
                    message = f"a subPath of a volume that containers change is not supported with {ANNOTATION}: crun"
                    report.error(mount.at, "", message, _HINT)
            for env in container.env:
                if isinstance(env.value, str) and _has_surrogates(env.value):
                    message = f"variable '{env.name[:60]}' is not UTF-8, which is not supported with {ANNOTATION}: crun"
                    report.error(env.at, "", message, _HINT)


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _descend(node: source.Node | None, way: tuple[str, ...]) -> source.Node | None:
    """What is found on a way of keys, None for nothing."""
    for key in way:
        node = next((entry.value for entry in _list_entries(node) if entry.key.text == key), None)
    return node


def _list_entries(node: source.Node | None) -> tuple[source.Entry, ...]:
    return node.entries if isinstance(node, source.Mapping) else ()


def _refuse(node: source.Node | None, kind: str, path: str, report: Report) -> None:
    from podunit.kubernetes.lookup import list_objects

    if not isinstance(node, source.Mapping):
        return
    fields = {field.name: field for field in list_objects()[kind].fields if field.verdict is Verdict.HONOURED}
    for entry in node.entries:
        key, value = entry.key, entry.value
        field = fields.get(key.text)
        if field is None and kind == "ResourceList" and "/" in key.text:
            field = fields.get("vendor/class")
        if field is None or _is_nothing(value):
            # What is wrong with any engine is said elsewhere.
            continue
        own = join_path(path, key.text)
        if not is_taken(kind, field):
            report.error(key.at, own, f"'{key.text[:60]}' is not supported with {ANNOTATION}: crun", _HINT)
            continue
        allowed = list_values(kind, field)
        if allowed is not None and isinstance(value, source.Scalar) and _spell(value) not in allowed:
            message = f"'{value.text[:60]}' is not supported with {ANNOTATION}: crun"
            report.error(value.at, own, message, _HINT)
        elif field.object in list_objects():
            items = value.items if isinstance(value, source.Sequence) else (value,)
            for index, item in enumerate(items):
                _refuse(item, field.object, f"{own}[{index}]" if isinstance(value, source.Sequence) else own, report)


def _spell(value: source.Scalar) -> str:
    """The text of a value, of a boolean as YAML 1.2 has it."""
    is_false = value.tag == "bool" and value.text.lower() in ("false", "no", "off")
    return "false" if is_false else value.text


def _is_nothing(node: source.Node) -> bool:
    """Whether a field is there without saying anything: null, or an empty list."""
    return (isinstance(node, source.Scalar) and node.tag == "null") or (
        isinstance(node, source.Sequence) and not node.items
    )
