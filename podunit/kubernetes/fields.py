"""What can be said of a field of the Kubernetes API: its type, its meaning, and what podunit does with it.

In: nothing. Out: the words in which the files of `table` are written. A table's entry is one line: to turn a field
from refused to honoured, its word changes, and its text from what to use instead to what it becomes.
"""

from __future__ import annotations

import re
from enum import StrEnum

from podunit.record import record


class Verdict(StrEnum):
    """What becomes of a field that somebody writes."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    REFUSED = "refused"


@record
class Field:
    """A field of an API object. `text` is what it becomes, or why it has no effect, or what to do instead of it.

    `type` is written as `kubectl explain` does: `string`, `[]Container`, `map[string]string`. `since` names the systemd
    or podman that it needs, if that is newer than the oldest supported.
    """

    name: str
    type: str
    meaning: str
    verdict: Verdict
    text: str
    since: str = ""

    @property
    def object(self) -> str:
        """The name of the type without list and map: `Container` of `[]Container`."""
        return re.sub(r"\[\]|map\[string\]", "", self.type)


@record
class Object:
    """A type of the API with its fields. `group` is its apiVersion: `v1`, `apps/v1`; `meta/v1` for all groups'."""

    name: str
    group: str
    meaning: str
    fields: tuple[Field, ...]

    @property
    def is_kind(self) -> bool:
        """Whether a document may have this kind."""
        return {"apiVersion", "kind", "metadata"} <= {field.name for field in self.fields}

    @property
    def is_honoured(self) -> bool:
        """Whether podunit reads any field of it."""
        return any(field.verdict is Verdict.HONOURED for field in self.fields)


# What to say where there is nothing to use instead.
_REMOVE = "remove it: podunit refuses what it would not honour"


def honoured(name: str, kind: str, meaning: str, becomes: str, since: str = "") -> Field:
    """A field that does what the API says."""
    return Field(name, kind, meaning, Verdict.HONOURED, becomes, since)


def ignored(name: str, kind: str, meaning: str, reason: str) -> Field:
    """A field that changes nothing of what runs on one machine: a warning, with the reason."""
    return Field(name, kind, meaning, Verdict.IGNORED, reason)


def refused(name: str, kind: str, meaning: str, instead: str = _REMOVE) -> Field:
    """A field without which the object would mean something else: an error, with what to do instead."""
    return Field(name, kind, meaning, Verdict.REFUSED, instead)
