"""Room 2: nodes to dataclasses, by their type hints.

A node and a dataclass that lists an API object's fields enter; an object leaves, or all that is wrong with
the node. This file must not know what any field means: a front end's schema says it in hints and metadata.

A hint is `str`, `int`, `bool`, a StrEnum, a dataclass, `tuple[T, ...]` for a list, `Table[T]` for a mapping
whose keys are the user's, `Located[T]` where a later stage needs the position, `Annotated[T, Parsed(…)]`
for a scalar with a syntax of its own, or one of these `| None`. The field `host_port` is the key
`hostPort`, unless its metadata has a `key`; a field without a default is required; null is absence, as in
the Kubernetes API. A `Table` whose metadata has `others`, a function of a key, takes the keys beside the other fields
for which that is true. A field `at: Position` gets the object's own position. `unsupported:
ClassVar[Mapping[str, str]]` names real fields that are refused, `ignored` those that have no effect, and why.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Generic, TypeVar

from podunit import source
from podunit.record import is_record, record
from podunit.report import Position, Report

T = TypeVar("T")


@record
class Located(Generic[T]):
    """A value and its place."""

    value: T
    at: Position


@record
class Table(Generic[T]):
    """A mapping whose keys are the user's own, in the order of the file; no key twice."""

    entries: tuple[tuple[Located[str], T], ...] = ()


@record
class Parsed:
    """In `Annotated[T, Parsed(parse)]`: `parse` makes the T of a scalar's text.

    It raises ValueError(message) or ValueError(message, hint); `tags` are the scalars' types that it takes.
    """

    parse: Callable[[str], object]
    tags: tuple[str, ...] = ("str", "int", "float")


def decode(
    node: source.Node, kind: type[T], path: str, report: Report, *, named_at: Position | None = None
) -> T | None:
    """The object of the dataclass `kind` that `node` describes; None, and at least one error, if it is wrong.

    `path` is the node's own, '' for a document. `named_at` is the key that opens the node, where a missing
    field is reported; by default the node's position.
    """
    hint: Any = kind
    value = _reader(hint)(node, path, named_at or node.at, report)
    return None if value is _BAD else typing.cast(T, value)


def join_path(path: str, key: str) -> str:
    """The path of a key below `path`: `spec.containers`, `metadata.annotations['podunit/boot']`."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        return f"{path}['{_shorten(key)}']"
    return f"{path}.{key}" if path else key


def suggest(word: str, allowed: Iterable[str]) -> str:
    """`did you mean 'containers'?` if one of the allowed words is close, else ''."""
    close = _find_close(word, allowed)
    return f"did you mean '{close}'?" if close else ""


def _find_close(word: str, allowed: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # 4 ms that only a mistake has to pay

    words = {candidate.lower(): candidate for candidate in allowed}
    close = get_close_matches(word[:100].lower(), words, n=1, cutoff=0.7)
    return words[close[0]] if close else None


def report_unknown(
    key: source.Scalar, path: str, allowed: Iterable[str], unsupported: Iterable[str], report: Report
) -> None:
    """An error at a key that is neither a field allowed here nor one that is not supported."""
    names = sorted(allowed)
    hint = suggest(key.text, (*names, *unsupported)) or f"fields allowed here: {', '.join(names) or 'none'}"
    report.error(key.at, path, f"unknown field '{_shorten(key.text)}'", hint)


def check_scalar(
    node: source.Node, kind: type[str | int | bool], path: str, named_at: Position, report: Report
) -> None:
    """An error if a value is not of this type; `named_at` is where the key or item that opens it stands."""
    _SCALAR_READERS[kind](node, path, named_at, report)


def report_mismatch(node: source.Node, expected: str, path: str, named_at: Position, report: Report) -> None:
    """An error at a value of another shape than 'a list', or 'a mapping'."""
    _mismatch(node, expected, path, named_at, report)


# What a reader takes: node, its path, the position of the key or item that opens it, where to report.
_Reader = Callable[[source.Node, str, Position, Report], object]
# What a reader returns once it has reported an error; None is a value.
_BAD = object()

_NOUNS = {
    "str": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "a boolean",
    "null": "null",
    "timestamp": "a date",
    "other": "binary data",
}
_TRUE = frozenset({"yes", "true", "on"})


@record
class _Field:
    name: str
    required: bool
    read: _Reader


@record
class _Others:
    name: str
    takes: Callable[[str], bool]
    read: _Reader


@record
class _Shape:
    fields: Mapping[str, _Field]
    unsupported: Mapping[str, str]
    ignored: Mapping[str, str]
    has_position: bool
    others: _Others | None


@cache
def _shape(kind: Any) -> _Shape:
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {}
    has_position = False
    rest = None
    for field in dataclasses.fields(kind):
        if field.name == "at" and hints["at"] is Position:
            has_position = True
            continue
        if takes := field.metadata.get("others"):
            rest = _Others(field.name, takes, _reader(typing.get_args(hints[field.name])[0]))
            continue
        first, *others = field.name.split("_")
        key = field.metadata.get("key", first + "".join(word.capitalize() for word in others))
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        fields[key] = _Field(field.name, required, _reader(hints[field.name]))
    return _Shape(fields, getattr(kind, "unsupported", {}), getattr(kind, "ignored", {}), has_position, rest)


@cache
def _reader(hint: Any) -> _Reader:
    """The function that reads a node as this hint says; a hint that no node can have is a TypeError."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        inner = [argument for argument in arguments if argument is not types.NoneType]
        if len(inner) == 1:
            return _optional_reader(inner[0])
    elif origin is Located:
        return _located_reader(arguments[0])
    elif origin is typing.Annotated and isinstance(arguments[1], Parsed):
        return _parsed_reader(arguments[1])
    elif origin is tuple and arguments[1:] == (...,):
        return _list_reader(arguments[0])
    elif origin is Table:
        return _table_reader(arguments[0])
    elif hint in _SCALAR_READERS:
        return _SCALAR_READERS[hint]
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum_reader(hint)
    elif isinstance(hint, type) and is_record(hint):
        return _object_reader(hint)
    raise TypeError(f"no node can be decoded as {hint!r}")


def _optional_reader(hint: Any) -> _Reader:
    read_present = _reader(hint)

    def read(node: source.Node, path: str, named_at: Position, report: Report) -> object:
        return None if _is_null(node) else read_present(node, path, named_at, report)

    return read


def _located_reader(hint: Any) -> _Reader:
    read_value = _reader(hint)

    def read(node: source.Node, path: str, named_at: Position, report: Report) -> object:
        value = read_value(node, path, named_at, report)
        return _BAD if value is _BAD else Located(value, node.at)

    return read


def _list_reader(hint: Any) -> _Reader:
    read_item = _reader(hint)

    def read(node: source.Node, path: str, named_at: Position, report: Report) -> object:
        if not isinstance(node, source.Sequence):
            return _mismatch(node, "a list", path, named_at, report)
        values = tuple(read_item(item, f"{path}[{i}]", item.at, report) for i, item in enumerate(node.items))
        return _BAD if any(value is _BAD for value in values) else values

    return read


def _table_reader(hint: Any) -> _Reader:
    read_value = _reader(hint)

    def read(node: source.Node, path: str, named_at: Position, report: Report) -> object:
        if not isinstance(node, source.Mapping):
            return _mismatch(node, "a mapping", path, named_at, report)
        entries = tuple(
            (Located(key.text, key.at), read_value(entry.value, join_path(path, key.text), key.at, report))
            for entry in node.entries
            for key in (entry.key,)
        )
        return _BAD if any(value is _BAD for _, value in entries) else Table(entries)

    return read


def _object_reader(kind: Any) -> _Reader:
    def read(node: source.Node, path: str, named_at: Position, report: Report) -> object:
        if not isinstance(node, source.Mapping):
            return _mismatch(node, "a mapping", path, named_at, report)
        # Looked up here and not around this function: a schema may be recursive.
        shape = _shape(kind)
        values: dict[str, object] = {}
        others: list[tuple[Located[str], object]] = []
        unknown: list[str] = []
        failed = False
        for entry in node.entries:
            key = entry.key
            field = shape.fields.get(key.text)
            if field is None and shape.others and shape.others.takes(key.text):
                if not _is_null(entry.value):
                    value = shape.others.read(entry.value, join_path(path, key.text), key.at, report)
                    others.append((Located(key.text, key.at), value))
                    failed = failed or value is _BAD
            elif field is None:
                is_known = key.text in shape.unsupported or key.text in shape.ignored
                if not (is_known and _is_null(entry.value)):
                    failed = _judge_key(key, shape, path, report) or failed
                if not is_known:
                    unknown.append(key.text)
            elif field.required or not _is_null(entry.value):
                value = field.read(entry.value, join_path(path, key.text), key.at, report)
                values[field.name] = value
                failed = failed or value is _BAD
        lacking = [name for name, field in shape.fields.items() if field.required and field.name not in values]
        if lacking:
            failed = True
            # One error is enough for a name that is mistyped.
            meant = {_find_close(word, shape.fields) for word in unknown}
            for name in lacking:
                if name not in meant:
                    report.error(named_at, path, f"'{name}' is missing")
        if failed:
            return _BAD
        if shape.others:
            values[shape.others.name] = Table(tuple(others))
        if shape.has_position:
            values["at"] = node.at
        return kind(**values)

    return read


def _judge_key(key: source.Scalar, shape: _Shape, path: str, report: Report) -> bool:
    """Report a key that is no field of the dataclass; whether that is an error."""
    own_path, shown = join_path(path, key.text), _shorten(key.text)
    if key.text in shape.ignored:
        report.warning(key.at, own_path, f"'{shown}' has no effect here", shape.ignored[key.text])
        return False
    if key.text in shape.unsupported:
        report.error(key.at, own_path, f"'{shown}' is not supported", shape.unsupported[key.text])
        return True
    report_unknown(key, own_path, shape.fields, shape.unsupported, report)
    return True


def _parsed_reader(marker: Parsed) -> _Reader:
    expected = " or ".join(dict.fromkeys(_NOUNS[tag] for tag in marker.tags))

    def read(node: source.Node, path: str, named_at: Position, report: Report) -> object:
        if not isinstance(node, source.Scalar) or (node.tag == "null" and "null" not in marker.tags):
            return _mismatch(node, expected, path, named_at, report)
        if node.tag not in marker.tags:
            hint = _quote_it(node) if "str" in marker.tags else ""
            message = f"{_shorten(node.text)} is {_NOUNS[node.tag]}, not {expected}"
            return _fail(report, node.at, path, message, hint)
        try:
            return marker.parse(node.text)
        except ValueError as error:
            message, hint, *_ = (*map(str, error.args), "", "")
            return _fail(report, node.at, path, message or f"'{_shorten(node.text)}' is not valid here", hint)

    return read


def _enum_reader(kind: type[StrEnum]) -> _Reader:
    members = {member.value: member for member in kind}
    # An empty one is what a field has that is not written.
    named = ", ".join(filter(None, members))

    def read(node: source.Node, path: str, named_at: Position, report: Report) -> object:
        if not isinstance(node, source.Scalar) or node.tag == "null":
            return _mismatch(node, f"one of {named}", path, named_at, report)
        if node.text not in members:
            message = f"'{_shorten(node.text)}' is not one of {named}"
            return _fail(report, node.at, path, message, suggest(node.text, members))
        if node.tag != "str":
            return _fail_string(node, path, report)
        return members[node.text]

    return read


def _read_string(node: source.Node, path: str, named_at: Position, report: Report) -> object:
    if not isinstance(node, source.Scalar) or (node.tag == "null" and not node.text):
        return _mismatch(node, "a string", path, named_at, report)
    return node.text if node.tag == "str" else _fail_string(node, path, report)


def _read_boolean(node: source.Node, path: str, named_at: Position, report: Report) -> object:
    if not isinstance(node, source.Scalar) or node.tag == "null":
        return _mismatch(node, "true or false", path, named_at, report)
    if node.tag == "bool":
        return node.text.lower() in _TRUE
    if node.text in ("true", "false"):
        message = f"'{node.text}' is a string, not a boolean"
        return _fail(report, node.at, path, message, "remove the quotes")
    return _fail(report, node.at, path, f"'{_shorten(node.text)}' is not true or false", "")


def _read_integer(node: source.Node, path: str, named_at: Position, report: Report) -> object:
    if not isinstance(node, source.Scalar) or node.tag == "null":
        return _mismatch(node, "a number", path, named_at, report)
    number = _parse_integer(node.text)
    if node.tag == "str" and not node.plain and number is not None:
        message = f"'{_shorten(node.text)}' is a string, not a number"
        return _fail(report, node.at, path, message, "remove the quotes")
    if node.tag != "int" or number is None:
        return _fail(report, node.at, path, f"'{_shorten(node.text)}' is not a whole number", "")
    if not -(2**63) <= number < 2**63:
        return _fail(report, node.at, path, f"'{_shorten(node.text)}' does not fit into 64 bits", "")
    return number


def _parse_integer(text: str) -> int | None:
    """A YAML 1.1 integer: 0644 is octal, 0b10 and 0x1f too have a base, 1_000 may be grouped.

    1:30, which counts in sixties, is none: Kubernetes reads text there.
    """
    digits = text.replace("_", "")
    sign = digits[:1] if digits[:1] in ("+", "-") else ""
    digits = digits.removeprefix(sign)
    if digits.startswith(("0x", "0b")):
        base = 16 if digits[1] == "x" else 2
        digits = digits[2:]
    else:
        base = 8 if digits.startswith("0") else 10
    # int() takes more than YAML does, and refuses decimals of over 4300 digits: 70 are too many in any base.
    if not re.fullmatch("[0-9a-fA-F]+", digits):
        return None
    try:
        return int(sign + (digits.lstrip("0")[:70] or "0"), base)
    except ValueError:
        return None


_SCALAR_READERS: Mapping[Any, _Reader] = {str: _read_string, int: _read_integer, bool: _read_boolean}


def _mismatch(node: source.Node, expected: str, path: str, named_at: Position, report: Report) -> object:
    if isinstance(node, source.Scalar) and node.tag == "null" and not node.text:
        # Nothing is written there: the key is what can be shown.
        return _fail(report, named_at, path, f"empty, expected {expected}", "")
    if isinstance(node, source.Scalar):
        found = _NOUNS[node.tag]
    else:
        found = "a list" if isinstance(node, source.Sequence) else "a mapping"
    return _fail(report, node.at, path, f"{found}, expected {expected}", "")


def _fail_string(node: source.Scalar, path: str, report: Report) -> object:
    message = f"{_shorten(node.text)} is {_NOUNS[node.tag]}, not a string"
    if node.text == _NOUNS[node.tag]:
        message = f"{node.text} is not a string"
    return _fail(report, node.at, path, message, _quote_it(node))


def _quote_it(node: source.Scalar) -> str:
    return f'quote it: "{_shorten(node.text)}"' if node.plain else ""


def _fail(report: Report, at: Position, path: str, message: str, hint: str) -> object:
    report.error(at, path, message, hint)
    return _BAD


def _is_null(node: source.Node) -> bool:
    return isinstance(node, source.Scalar) and node.tag == "null"


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
