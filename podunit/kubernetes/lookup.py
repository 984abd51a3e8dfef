"""The whole table of the Kubernetes API's fields, and ways into it.

In: the name of an object, or the path of a field. Out: what `fields` can say of it. A type that is not in the table
belongs to fields that are refused or ignored as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from podunit.chosen import ANNOTATION
from podunit.kubernetes.engine_fields import explain_refusal, is_judged, is_taken, list_values
from podunit.kubernetes.fields import Field, Object, Verdict
from podunit.kubernetes.table import (
    claims,
    container,
    idle,
    jobs,
    objects,
    pod,
    probes,
    security,
    storage,
    volumes,
    workloads,
)
from podunit.record import record

# Topic → its objects, in the order of the documentation.
TOPICS: Mapping[str, tuple[Object, ...]] = {
    "Pods": pod.OBJECTS,
    "Containers": container.OBJECTS,
    "Rights": security.OBJECTS,
    "Probes and hooks": probes.OBJECTS,
    "Volumes": volumes.OBJECTS,
    "Objects": objects.OBJECTS,
    "Workloads": workloads.OBJECTS,
    "Jobs": jobs.OBJECTS,
    "Claims": claims.OBJECTS,
    "Storage of clusters": storage.OBJECTS,
    "Kinds without effect": idle.OBJECTS,
}


@cache
def list_objects() -> Mapping[str, Object]:
    """All objects of the table by name, in the order of the documentation."""
    return {found.name: found for topic in TOPICS.values() for found in topic}


@record
class Found:
    """What a path leads to: a field, and the object that its value is; at least one of the two.

    `path` has no indices, and begins with the object's name in lower case. `unread` is the path of the first field on
    the way that is refused or ignored, if there is one: what is below it is not read, whatever its own verdict. The
    crun engine refuses what is `podman_only`; `crun_limits` say why, and with which values if not with any.
    """

    path: str
    field: Field | None
    object: Object | None
    unread: str = ""
    podman_only: bool = False
    crun_limits: str = ""

    def go(self, word: str) -> Found:
        """What is found in the field `word`; UnknownFieldError if there is none."""
        fields = self.object.fields if self.object else ()
        field = next((field for field in fields if field.name == word), None)
        if field is None:
            raise UnknownFieldError(word, self.path, tuple(field.name for field in fields))
        is_read = self.field is None or self.field.verdict is Verdict.HONOURED
        unread = self.unread or ("" if is_read else self.path)
        alone = self.podman_only or bool(self.object and is_podman_only(self.object, field))
        limits = self.crun_limits if self.podman_only else explain_limits(self.object, field) if self.object else ""
        return Found(f"{self.path}.{word}", field, list_objects().get(field.object), unread, alone, limits)


def is_podman_only(owner: Object, field: Field) -> bool:
    """Whether the crun engine refuses a field that is honoured."""
    return field.verdict is Verdict.HONOURED and is_judged(owner.name) and not is_taken(owner.name, field)


def explain_limits(owner: Object, field: Field) -> str:
    """What the crun engine does not take of a field that is honoured, and why; '' if it takes all of it."""
    if is_podman_only(owner, field):
        return f"not with {ANNOTATION}: crun: {explain_refusal(owner.name, field.name)}"
    values = list_values(owner.name, field) if field.verdict is Verdict.HONOURED else None
    if values is None:
        return ""
    named = " or ".join(value for value in values if value)
    return f"with {ANNOTATION}: crun only {named}: {explain_refusal(owner.name, field.name)}"


class UnknownFieldError(Exception):
    """A path leads nowhere: `word` is none of `allowed`, below `path`, which is empty for a kind."""

    def __init__(self, word: str, path: str, allowed: tuple[str, ...]) -> None:
        super().__init__(word)
        self.word = word
        self.path = path
        self.allowed = allowed


def find(path: str) -> Found:
    """What `pod.spec.containers[0].image` leads to; UnknownFieldError if that is nothing.

    The first word names an object, in any case; a path without one, as problems have them, begins in a Pod.
    """
    words = [re.sub(r"\[[^\]]*\]$", "", word) for word in path.split(".")]
    start = _find_start(words[0])
    if start is None and any(field.name == words[0] for field in list_objects()["Pod"].fields):
        start, words = list_objects()["Pod"], ["pod", *words]
    if start is None:
        raise UnknownFieldError(words[0], "", _name_kinds())
    found = Found(start.name.lower(), None, start)
    for word in words[1:]:
        found = found.go(word)
    return found


def complete(incomplete: str) -> list[str]:
    """The paths that go on from one that is half written, up to the next dot."""
    head, dot, word = incomplete.rpartition(".")
    if not dot:
        return [kind for kind in _name_kinds() if kind.startswith(word.lower())]
    try:
        below = find(head).object
    except UnknownFieldError:
        return []
    return [f"{head}.{field.name}" for field in (below.fields if below else ()) if field.name.startswith(word)]


def list_kinds() -> tuple[Object, ...]:
    """The objects that a document may be, in the order of the documentation."""
    return tuple(found for found in list_objects().values() if found.is_kind)


def _name_kinds() -> tuple[str, ...]:
    return tuple(found.name.lower() for found in list_kinds())


def _find_start(word: str) -> Object | None:
    return next((found for name, found in list_objects().items() if name.lower() == word.lower()), None)
