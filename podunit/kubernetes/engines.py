"""The engine of pods: the annotation for those that have none, and refusals of what podunit does not honour with crun.

In: an object as it is written, and pods that were made of it. Out: the object with it; problems, at the fields.
"""

from __future__ import annotations

from collections.abc import Iterable

from podunit import source
from podunit.chosen import ANNOTATION, Choice, Engine, Origin, find_origin
from podunit.decode import join_path
from podunit.kubernetes.engine_fields import ANNOTATIONS, explain_refusal, is_taken, list_values
from podunit.kubernetes.fields import Verdict
from podunit.model import Files, Pod, Relabel
from podunit.report import Position, Report
from podunit.scope import Scope

_RELABEL = "podunit/relabel"

# Where an object has a pod, or a template of pods.
_TEMPLATES = ((), ("spec", "template"), ("spec", "jobTemplate", "spec", "template"))


def choose_engine(node: source.Mapping, kind: str, choice: Choice) -> source.Mapping:
    """The object `node` with the annotation of its pods that names their engine, unless it has that."""
    own = {"Pod": _TEMPLATES[0], "CronJob": _TEMPLATES[2]}.get(kind, _TEMPLATES[1])
    key = source.Scalar(ANNOTATION, "str", choice.at, plain=True)
    value = source.Scalar(choice.engine, "str", choice.at, plain=True)
    return _annotate(node, (*own, "metadata", "annotations"), source.Entry(key, value), may_add=bool(own))


def _annotate(node: source.Mapping, way: tuple[str, ...], note: source.Entry, *, may_add: bool) -> source.Mapping:
    """The mapping with the note at the end of a way of keys; as it is where something else is wrong with the way."""
    if not way:
        there = any(entry.key.text == note.key.text for entry in node.entries)
        return node if there else source.Mapping((*node.entries, note), node.at)
    old = next((entry for entry in node.entries if entry.key.text == way[0]), None)
    below = old.value if old and not _is_null(old.value) else None
    # Of metadata only that of a template may be missing.
    if below is None and (way[0] == "annotations" or (way[0] == "metadata" and may_add)):
        below = source.Mapping((), node.at)
    if not isinstance(below, source.Mapping):
        return node
    key = old.key if old else source.Scalar(way[0], "str", node.at, plain=True)
    entry = source.Entry(key, _annotate(below, way[1:], note, may_add=may_add))
    return source.Mapping((*(one for one in node.entries if one is not old), entry), node.at)


def refuse_fields(node: source.Mapping, report: Report) -> None:
    """Refuse what the engine of a pod, or of a template of pods, does not take."""
    for way in _TEMPLATES:
        template = _descend(node, way)
        notes = {note.key.text: note for note in _list_entries(_descend(template, ("metadata", "annotations")))}
        engine = notes.get(ANNOTATION)
        if engine is None or not isinstance(engine.value, source.Scalar) or engine.value.text != Engine.CRUN:
            continue
        path = ".".join(way)
        origin = find_origin(Engine.CRUN, engine.value.at, node.at.file)
        for key, note in notes.items():
            value = note.value.text if isinstance(note.value, source.Scalar) else ""
            own = join_path(".".join((*way, "metadata", "annotations")), key)
            if key.startswith("podunit/") and (key.endswith(".devices") or (key == _RELABEL and value != Relabel.NONE)):
                why = ANNOTATIONS["devices" if key.endswith(".devices") else "relabel"]
                _say(note.key.at, own, f"'{key[:60]}'", origin, report, why)
        _refuse(_descend(template, ("spec",)), "PodSpec", f"{path}.spec".lstrip("."), origin, report)


def refuse_volumes(pods: Iterable[Pod], report: Report) -> None:
    """Refuse what only shows once everything is known that a pod refers to."""
    for pod in pods:
        if pod.engine is not Engine.CRUN:
            continue
        for container in (*pod.init_containers, *pod.containers):
            for mount in container.mounts:
                if mount.sub_path and not isinstance(mount.volume, Files):
                    why = "only podman's containers have parts that were looked up ahead"
                    _say(mount.at, "", "a subPath of a volume that containers change", pod.engine_origin, report, why)
            for device in container.devices:
                if not device.volume.path.startswith("/dev/"):
                    what, why = "a device that is not below /dev", "systemd lets a service use no other"
                    _say(device.at, "", what, pod.engine_origin, report, why)
            for env in container.env:
                if isinstance(env.value, str) and _has_surrogates(env.value):
                    what = f"variable '{env.name[:60]}' is not UTF-8, which"
                    _say(env.at, "", what, pod.engine_origin, report, "its configuration is JSON")


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _descend(node: source.Node | None, way: tuple[str, ...]) -> source.Node | None:
    """What is found on a way of keys, None for nothing."""
    for key in way:
        node = next((entry.value for entry in _list_entries(node) if entry.key.text == key), None)
    return node


def _list_entries(node: source.Node | None) -> tuple[source.Entry, ...]:
    return node.entries if isinstance(node, source.Mapping) else ()


def refuse_users(pods: Iterable[Pod], scope: Scope, report: Report) -> None:
    """Refuse pods of a user's manager, where the engine is named."""
    for pod in pods:
        if pod.engine is Engine.CRUN and scope is Scope.USER:
            own = pod.engine_at is not None and pod.engine_at.file == pod.at.file
            path = join_path("metadata.annotations", ANNOTATION) if own else ""
            at = pod.engine_at if pod.engine_at and own else pod.name_at
            what = "units of a user's manager can mount only where the user is the only one, and images have others"
            message = f"{pod.engine_origin.words} is for the system's pods: {what}"
            report.error(at, path, message, f"use --system, or leave out {pod.engine_origin.remedy}")


def _say(at: Position, path: str, what: str, origin: Origin, report: Report, why: str) -> None:
    message = f"{what} is not supported with {origin.words}: {why}"
    report.error(at, path, message, f"leave it out, or {origin.remedy}")


def _refuse(node: source.Node | None, kind: str, path: str, origin: Origin, report: Report) -> None:
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
            _say(key.at, own, f"'{key.text[:60]}'", origin, report, explain_refusal(kind, field.name))
            continue
        allowed = list_values(kind, field)
        if allowed is not None and isinstance(value, source.Scalar) and _spell(value) not in allowed:
            _say(value.at, own, f"'{value.text[:60]}'", origin, report, explain_refusal(kind, field.name))
        elif field.object in list_objects():
            items = value.items if isinstance(value, source.Sequence) else (value,)
            for index, item in enumerate(items):
                below = f"{own}[{index}]" if isinstance(value, source.Sequence) else own
                _refuse(item, field.object, below, origin, report)


def _spell(value: source.Scalar) -> str:
    """The text of a value, of a boolean as YAML 1.2 has it."""
    is_false = value.tag == "bool" and value.text.lower() in ("false", "no", "off")
    return "false" if is_false else value.text


def _is_nothing(node: source.Node) -> bool:
    """Whether a field is there without saying anything: null, or an empty list."""
    return _is_null(node) or (isinstance(node, source.Sequence) and not node.items)


def _is_null(node: source.Node) -> bool:
    return isinstance(node, source.Scalar) and node.tag == "null"
