"""The command that says what a field of the input is, and what becomes of it: explain."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from podunit.kubernetes.fields import Field, Object
    from podunit.kubernetes.lookup import Found, UnknownFieldError


class ExplainFormat(StrEnum):
    """How `explain` prints a field."""

    TEXT = "text"
    JSON = "json"


def _complete(incomplete: str) -> list[str]:
    from podunit.kubernetes.lookup import complete

    return complete(incomplete)


def explain(
    field: Annotated[
        str | None,
        typer.Argument(
            metavar="[FIELD]",
            help="A field as pod.spec.containers.image, or a kind; without it all kinds are listed.",
            show_default=False,
            autocompletion=_complete,
        ),
    ] = None,
    output: Annotated[ExplainFormat, typer.Option("--output", "-o", help="How to print it.")] = ExplainFormat.TEXT,
) -> None:
    """Say what a field of a Kubernetes object means, and what it becomes."""
    from podunit.cli.output import print_json, print_table
    from podunit.kubernetes.lookup import UnknownFieldError, find, list_kinds

    if field is None:
        kinds = list_kinds()
        if output is ExplainFormat.JSON:
            print_json({"schemaVersion": 1, "kinds": [_describe_kind(kind) for kind in kinds]})
        else:
            print_table(("KIND", "APIVERSION", "MEANING"), [(kind.name, kind.group, kind.meaning) for kind in kinds])
        return
    try:
        found = find(field)
    except UnknownFieldError as error:
        raise typer.BadParameter(_say_unknown(error)) from None
    if output is ExplainFormat.JSON:
        print_json(_describe_found(found))
    else:
        _print_found(found)


def _say_unknown(error: UnknownFieldError) -> str:
    from podunit.decode import suggest

    if not error.path:
        hint = suggest(error.word, error.allowed) or "a field begins with its kind: pod.spec"
        return f"there is no kind '{error.word[:60]}'; {hint}"
    if not error.allowed:
        return f"there is no '{error.word[:60]}': podunit knows no fields below {error.path}"
    hint = suggest(error.word, error.allowed) or f"fields there: {', '.join(error.allowed)}"
    return f"there is no field '{error.word[:60]}' in {error.path}; {hint}"


def _find_judged(found: Found) -> Field | None:
    """The field whose verdict holds: of a whole kind, that of its `kind`; other objects have none."""
    if found.field or not found.object or not found.object.is_kind:
        return found.field
    return next(field for field in found.object.fields if field.name == "kind")


def _say_since(field: Field) -> str:
    from podunit.kubernetes.fields import Verdict
    from podunit.target import OLDEST

    if field.verdict is not Verdict.HONOURED:
        return ""
    return field.since or f"systemd {OLDEST.systemd}, podman {OLDEST.podman_text}"


def _print_found(found: Found) -> None:
    from podunit.cli.output import print_table

    if found.field:
        print(f"{found.path}: {found.field.type}")
        print(f"  {found.field.meaning}")
    elif found.object:
        print(f"{found.path}: {found.object.name} ({found.object.group})")
        print(f"  {found.object.meaning}")
    judged = _find_judged(found)
    if judged:
        print(f"  {judged.verdict}: {judged.text}")
    if found.unread:
        print(f"  not read here: {found.unread} is not honoured")
    elif judged and (since := _say_since(judged)):
        print(f"  since: {since}")
    if found.crun_limits:
        print(f"  {found.crun_limits}")
    if found.object:
        print()
        rows = [(field.name, field.type, field.verdict, field.meaning) for field in found.object.fields]
        print_table(("FIELD", "TYPE", "VERDICT", "MEANING"), rows)


def _describe_found(found: Found) -> dict[str, object]:
    judged = _find_judged(found)
    named = found.field or found.object
    return {
        "schemaVersion": 1,
        "path": found.path,
        "type": found.field.type if found.field else found.object.name if found.object else "",
        "meaning": named.meaning if named else "",
        "verdict": judged.verdict if judged else None,
        "text": judged.text if judged else "",
        "since": _say_since(judged) if judged and not found.unread else "",
        "unread": found.unread,
        "podmanOnly": found.podman_only,
        "crunLimits": found.crun_limits,
        "fields": [_describe_field(field) for field in (found.object.fields if found.object else ())],
    }


def _describe_kind(kind: Object) -> dict[str, object]:
    return {"name": kind.name, "apiVersion": kind.group, "meaning": kind.meaning}


def _describe_field(field: Field) -> dict[str, object]:
    return {
        "name": field.name,
        "type": field.type,
        "meaning": field.meaning,
        "verdict": field.verdict,
        "text": field.text,
        "since": _say_since(field),
    }
