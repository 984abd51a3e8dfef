"""The page docs/fields.md, made from the table of fields."""

from __future__ import annotations

import re
from collections.abc import Iterator

from podunit.kubernetes.fields import Field, Object, Verdict
from podunit.kubernetes.lookup import TOPICS, explain_limits, list_objects
from podunit.target import OLDEST

_HEAD = f"""\
# Every field of the Kubernetes API, and what podunit makes of it

This page is made from the table that `podunit explain` and `podunit validate` read; a test keeps it up to date
(`pytest tests/test_reference.py --update-golden` writes it). The API is that of Kubernetes 1.37.

- **honoured**: the field does what Kubernetes says; the text is the directive or the option that it becomes. It needs
  systemd {OLDEST.systemd} and podman {OLDEST.podman_text}, where nothing newer is named.
- *ignored*: without effect on one machine, and a warning; the text is the reason.
- refused: an error, since the object would mean something else without it; the text says what to do instead.

What pods with `podunit/engine: crun` cannot have says so, and why; it is refused at its place.

What is below a field that is refused or ignored is not read, whatever it says there. A type without a link is refused
or ignored as a whole, or has no fields.
"""

_SHOWN = {Verdict.HONOURED: "**honoured**", Verdict.IGNORED: "*ignored*", Verdict.REFUSED: "refused"}


def write_reference() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_write_contents(), *(line for topic in TOPICS for line in _write_topic(topic))])


def _write_contents() -> Iterator[str]:
    for topic, objects in TOPICS.items():
        kinds = [_link(found.name) for found in objects if found.is_kind]
        yield f"- [{topic}](#{topic.lower().replace(' ', '-')}){': ' if kinds else ''}{', '.join(kinds)}"


def _write_topic(topic: str) -> Iterator[str]:
    yield f"\n## {topic}"
    for found in TOPICS[topic]:
        yield from _write_object(found)


def _write_object(found: Object) -> Iterator[str]:
    what = f"Kind of {found.group}" if found.is_kind else f"Type of {found.group}"
    unread = "" if found.is_honoured else ", of which podunit reads nothing"
    yield f"\n### {found.name}\n\n{what}: {found.meaning}{unread}.\n"
    yield "| field | type | verdict | means | |"
    yield "|---|---|---|---|---|"
    for field in found.fields:
        yield _write_field(found, field)


def _write_field(owner: Object, field: Field) -> str:
    # Brackets before a link would be one.
    kind = re.sub(r"[\[\]]", r"\\\g<0>", field.type.removesuffix(field.object)) + _link(field.object)
    text = f"{field.text} (since {field.since})" if field.since else field.text
    limits = explain_limits(owner, field)
    text += f" ({limits})" if limits else ""
    return f"| `{field.name}` | {kind} | {_SHOWN[field.verdict]} | {_escape(field.meaning)} | {_escape(text)} |"


def _escape(text: str) -> str:
    # GitHub takes a unit for an address of mail, and $( for a formula.
    return re.sub(r"\S*@\S*\.service", r"`\g<0>`", text.replace("$", "\\$"))


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})" if name in list_objects() else name
