"""Room 1: YAML text to nodes, each with its position.

Bytes enter; scalars, sequences and mappings leave, with the text as written and its YAML 1.1 type, so
that the field decides what `0644` or `yes` mean. What no reader of the file would expect is refused here:
duplicate keys, unknown tags, endless nesting, alias bombs. This file alone makes positions and alone imports
PyYAML; it must not know what any key means.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, NoReturn

import yaml

from podunit.record import record
from podunit.report import Position, Report
from podunit.sentences import list_sentences

# The path that stands for standard input.
STDIN = "-"

_MAX_BYTES = 16 * 1024 * 1024
_MAX_DEPTH = 64
_MAX_NODES = 500_000
# What all aliases of a document may stand for together, in nodes; see _weigh.
_MAX_ALIASED = 100_000
# libyaml compares each %TAG line with all earlier ones: a file of 100 000 takes minutes, inside C.
_MAX_TAG_LINES = 100

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.resolver.Resolver()
_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset({"str", "int", "float", "bool", "null", "timestamp"})

# YAML 1.1 breaks lines at more characters than str.split("\n"), and at fewer than str.splitlines().
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_TAG_LINE = re.compile("(?:^|[\n\r\x85\u2028\u2029])(?=%TAG)")
# PyYAML has compiled it already, for itself: 5 ms.
_NOT_YAML: re.Pattern[str] = yaml.reader.Reader.NON_PRINTABLE
_ANCHOR_AND_TAG = re.compile(r"(?:[&!]\S*[ \t]+)+")
_SURROGATE = re.compile("[\ud800-\udfff]")


@record
class Scalar:
    """A single value.

    `text` is what is written, quotes and escapes resolved. `tag` is 'str', 'int', 'float', 'bool', 'null',
    'timestamp' or 'other', by YAML 1.1 as PyYAML resolves it. `plain` is false for what is quoted or a block.
    """

    text: str
    tag: str
    at: Position
    plain: bool


@record
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    at: Position


@record
class Entry:
    """One key of a mapping, with its value."""

    key: Scalar
    value: Node


@record
class Mapping:
    """A mapping in the order of the file, no key twice; entries merged by `<<` come last."""

    entries: tuple[Entry, ...]
    at: Position


Node = Scalar | Sequence | Mapping


def list_files(path: str, report: Report) -> tuple[str, ...]:
    """The YAML files of a folder, sorted, or else the path itself; none, and a problem, for a folder without any."""
    if path == STDIN or not os.path.isdir(path):  # noqa: PTH112 (pathlib costs the start-up 3 ms)
        return (path,)
    try:
        names = sorted(name for name in os.listdir(path) if name.endswith((".yaml", ".yml", ".json")))  # noqa: PTH208
    except OSError as error:
        report.error(Position(path, 1, 1), "", f"cannot be read: {(error.strerror or str(error)).lower()}")
        return ()
    if not names:
        report.error(Position(path, 1, 1), "", "no YAML file in this folder", "their names end in .yaml, .yml or .json")
    return tuple(os.path.join(path, name) for name in names)  # noqa: PTH118


def read_source(path: str, report: Report) -> bytes | None:
    """The bytes of the file `path`, or None and a problem at its first line."""
    start = Position(path, 1, 1)
    try:
        # One byte more than allowed is enough to know; a pipe or /dev/zero has no size to ask for.
        if path == STDIN and sys.stdin is None:
            report.error(start, "", "standard input is closed")
            return None
        if path == STDIN:
            data = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            with open(path, "rb") as stream:  # noqa: PTH123 (pathlib costs the start-up 3 ms)
                data = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        report.error(start, "", "no such file")
        return None
    except IsADirectoryError:
        report.error(start, "", "this is a directory, not a file")
        return None
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        report.error(start, "", f"cannot be read: {reason}")
        return None
    except ValueError:
        # open() refuses a NUL in a path this way.
        report.error(start, "", "this cannot be the name of a file")
        return None
    return data if _check_size(data, path, report) else None


def split_lines(data: bytes) -> tuple[str, ...]:
    """The lines of a file as positions count them, for showing one; never fails."""
    return tuple(_LINE_BREAK.split(data.decode("utf-8", "replace").removeprefix("\ufeff")))


def parse_documents(data: bytes, file: str, report: Report) -> tuple[Node, ...]:
    """The documents of a YAML file, empty ones left out.

    At least one document, or none and at least one error in the report: a file with an error yields nothing.
    """
    if not _check_size(data, file, report):
        return ()
    composer = _Composer(_LOADER, file, report)
    try:
        documents = tuple(composer.compose_documents(composer.read_text(data)))
    except _RefusedError:
        return ()
    if composer.failed:
        return ()
    if not documents:
        hint = "a pod starts with 'apiVersion: v1' and 'kind: Pod'"
        report.error(Position(file, 1, 1), "", "no document in this file", hint)
    return documents


def _check_size(data: bytes, file: str, report: Report) -> bool:
    if len(data) > _MAX_BYTES:
        message = f"larger than {_MAX_BYTES // 1024 // 1024} MiB"
        report.error(Position(file, 1, 1), "", message, "split it into several files")
        return False
    return True


class _RefusedError(Exception):
    """Nothing more can be read from this file; the reason is in the report."""


class _Composer:
    """Builds nodes from the parser's events.

    libyaml's own composer is recursive C without a limit. This one asks for an event at a time, so it stops
    at the 65th level whatever follows.
    """

    def __init__(self, loader: Any, file: str, report: Report) -> None:
        self.failed = False
        self._loader = loader
        self._file = file
        self._report = report
        self._text = ""
        self._parser: Any = None
        self._last: Any = None
        self._nodes = 0
        self._aliased = 0
        # A node and its weight; None while the node is still open.
        self._anchors: dict[str, tuple[Node, int] | None] = {}

    def read_text(self, data: bytes) -> str:
        """The file's text without a byte order mark."""
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            self._refuse(Position(self._file, 1, 1), "this file is UTF-16", "save it as UTF-8")
        try:
            text = data.decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
            message = f"byte 0x{data[error.start]:02x} is not UTF-8"
            self._refuse(self._locate(before, len(before)), message, "save the file as UTF-8")
        # Before parsing: libyaml gives the place of such a character in bytes, and lets U+FEFF pass into a key.
        if wrong := _NOT_YAML.search(text):
            hint = "remove it" if wrong[0] == "\0" else "remove it, or write an escape in double quotes"
            message = f"character U+{ord(wrong[0]):04X} is not allowed in YAML"
            self._refuse(self._locate(text, wrong.start()), message, hint)
        if (mark := text.find("\ufeff")) >= 0:
            self._refuse(self._locate(text, mark), "a byte order mark inside the file", "remove it")
        for number, line in enumerate(_TAG_LINE.finditer(text)):
            if number == _MAX_TAG_LINES:
                at = self._locate(text, line.end())
                self._refuse(at, f"more than {_MAX_TAG_LINES} %TAG lines", "podunit knows no tags: remove them")
        return text

    def compose_documents(self, text: str) -> Iterator[Node]:
        """The nodes of all documents that are not empty."""
        self._text = text
        self._parser = self._loader(text)
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            self._anchors = {}
            self._aliased = 0
            node, _ = self._compose(self._next(), 1)
            if not (isinstance(node, Scalar) and node.tag == "null" and not node.text):
                yield node

    def _next(self) -> Any:
        try:
            self._last = self._parser.get_event()
        except yaml.MarkedYAMLError as error:
            self._refuse(*self._explain(error))
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # The parser without libyaml lets Python's own errors through, as chr()'s for "\UFFFFFFFF".
            at = self._locate(self._text, self._last.end_mark.index if self._last else 0)
            self._refuse(at, "not YAML from here on", str(error).partition("\n")[0])
        return self._last

    def _compose(self, event: Any, depth: int) -> tuple[Node, int]:
        """The node that begins with this event, and its weight with all aliases followed."""
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            message = f"more than {_MAX_NODES} values in one file"
            self._refuse(self._position(event), message, "split it into several files")
        if isinstance(event, yaml.AliasEvent):
            return self._follow(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = scalar = self._make_scalar(event)
            weight = _weigh(scalar)
        elif depth > _MAX_DEPTH:
            self._refuse(self._position(event), f"nested deeper than {_MAX_DEPTH} levels")
        elif isinstance(event, yaml.SequenceStartEvent):
            node, weight = self._compose_sequence(event, depth)
        else:
            node, weight = self._compose_mapping(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = node, weight
        return node, weight

    def _compose_sequence(self, event: Any, depth: int) -> tuple[Node, int]:
        self._check_collection_tag(event, "seq")
        items: list[Node] = []
        weight = 1
        while not isinstance(following := self._next(), yaml.SequenceEndEvent):
            item, item_weight = self._compose(following, depth + 1)
            items.append(item)
            weight += item_weight
        return Sequence(tuple(items), self._position(event)), weight

    def _compose_mapping(self, event: Any, depth: int) -> tuple[Node, int]:
        self._check_collection_tag(event, "map")
        entries: dict[str, Entry] = {}
        merge: Entry | None = None
        weight = 1
        while not isinstance(following := self._next(), yaml.MappingEndEvent):
            key, key_weight = self._compose(following, depth + 1)
            value, value_weight = self._compose(self._next(), depth + 1)
            weight += key_weight + value_weight
            if not isinstance(key, Scalar):
                found = "list" if isinstance(key, Sequence) else "mapping"
                self._error(key.at, f"a {found} cannot be a key", "quote it, if it is meant as text")
            elif key.plain and not key.text:
                self._error(key.at, "no key before the ':'")
            else:
                if isinstance(following, yaml.AliasEvent):
                    key = replace(key, at=self._alias_position(following))
                entry = Entry(key, value)
                if key.plain and key.text == "<<":
                    first = merge
                    merge = merge or entry
                else:
                    first = entries.get(key.text)
                    entries.setdefault(key.text, entry)
                if first:
                    shown = key.text if len(key.text) <= 60 else key.text[:59] + "…"
                    self._error(key.at, f"duplicate key '{shown}', first at line {first.key.at.line}")
        if merge:
            for entry in self._list_merged(merge.value):
                entries.setdefault(entry.key.text, entry)
        return Mapping(tuple(entries.values()), self._position(event)), weight

    def _list_merged(self, value: Node) -> Iterator[Entry]:
        for source in value.items if isinstance(value, Sequence) else (value,):
            if isinstance(source, Mapping):
                yield from source.entries
            else:
                self._error(source.at, "'<<' takes a mapping or a list of mappings")

    def _follow(self, event: Any) -> tuple[Node, int]:
        at = self._alias_position(event)
        known = self._anchors.get(event.anchor)
        if known is None:
            if event.anchor in self._anchors:
                self._error(at, f"alias '*{event.anchor}' stands inside its own anchor")
            else:
                hint = f'quote it, if it is meant as text: "*{event.anchor}"'
                self._error(at, f"no anchor '&{event.anchor}' before this alias", hint)
            return Scalar("", "null", at, False), 1
        self._aliased += known[1]
        if self._aliased > _MAX_ALIASED:
            message = f"aliases stand for more than {_MAX_ALIASED} values up to here"
            self._refuse(at, message, "write the values out")
        return known

    def _make_scalar(self, event: Any) -> Scalar:
        start, end = event.start_mark, event.end_mark
        line, column = start.line, start.column
        if event.anchor or event.tag:
            # The event begins at its anchor or tag, the text behind them.
            properties = _ANCHOR_AND_TAG.match(self._text, start.index)
            column += len(properties[0]) if properties else 0
        width = max(1, end.column - column) if end.line == line else 1
        at = Position(self._file, line + 1, column + 1, width)
        if event.style == '"' and (wrong := _find_unusable(event.value)):
            self._error(at, *wrong)
        return Scalar(event.value, self._resolve_tag(event, at), at, not event.style)

    def _resolve_tag(self, event: Any, at: Position) -> str:
        if event.tag is None or event.tag == "!":
            return _resolve(event.value) if event.implicit[0] else "str"
        tag: str = event.tag.removeprefix(_TAG)
        if tag == "binary" and event.tag == _TAG + tag:
            return "other"
        if tag not in _SCALAR_TAGS or event.tag != _TAG + tag:
            self._refuse_tag(event)
            return "other"
        natural = _resolve(event.value)
        if tag not in ("str", natural) and (tag, natural) != ("float", "int"):
            self._error(at, f"this is not what its tag '!!{tag}' says", "remove the tag")
        return tag

    def _check_collection_tag(self, event: Any, tag: str) -> None:
        if event.tag not in (None, "!", _TAG + tag):
            self._refuse_tag(event)

    def _refuse_tag(self, event: Any) -> None:
        shown = "!!" + event.tag.removeprefix(_TAG) if event.tag.startswith(_TAG) else event.tag
        self._error(self._position(event), f"tag '{shown}' is not supported", "remove it, or quote the value")

    def _explain(self, error: yaml.MarkedYAMLError) -> tuple[Position, str, str]:
        """Where, what and a hint, from the parser's error."""
        mark: Any = error.problem_mark
        index = mark.index if mark else 0
        at = self._locate(self._text, index)
        opened: Any = error.context_mark
        start = self._locate(self._text, opened.index) if opened else at
        begun = f"begins in line {start.line}, column {start.column}"
        problem, context = error.problem or "not YAML", error.context or ""
        line_start = index - at.column + 1
        before = self._text[line_start:index]
        blank = before[: len(before) - len(before.lstrip())]
        char = self._text[index : index + 1]
        mistaken = blank == before or "mapping values" in problem
        if char == "\t" or ("\t" in blank and mistaken and "cannot start" not in problem):
            # The place of the tab itself: the parser's may be behind it.
            tab = (before + char).index("\t")
            where = "in the indentation" if "\t" in blank or blank == before else "where a value starts"
            return self._locate(self._text, line_start + tab), f"a tab {where}", "use spaces"
        if "cannot start any token" in problem:
            return at, f"'{char}' cannot start a value", "quote the value"
        if "alphabetic or numeric" in problem and opened:
            return (
                start,
                f"'{self._text[opened.index]}' without a name cannot start a value",
                "quote the value",
            )
        if "quoted" in context and "unexpected" in problem:
            return start, "this quote is never closed", ""
        if "expected ','" in problem and opened:
            bracket = self._text[opened.index]
            if not char:
                return start, f"this '{bracket}' is never closed", ""
            closing = "]" if bracket == "[" else "}"
            return at, f"expected ',' or '{closing}'", f"the '{bracket}' is in line {start.line}"
        if "block mapping" in context and ("expected key" in problem or "<block end>" in problem):
            if before.strip():
                return at, "unexpected text after a value", "quote the whole value"
            return at, "expected a key of the mapping", f"check the indentation: the mapping {begun}"
        if "block collection" in context and "expected" in problem:
            return at, "expected '- ' as the list goes on", f"check the indentation: the list {begun}"
        if "could not find expected ':'" in problem:
            return start, "no ': ' after this key", ""
        for words, message, hint in list_sentences(_MAX_DEPTH):
            if words in problem:
                return at, message, hint
        return at, problem.replace("did not find expected", "expected"), context

    def _position(self, event: Any, width: int = 1) -> Position:
        return Position(self._file, event.start_mark.line + 1, event.start_mark.column + 1, width)

    def _alias_position(self, event: Any) -> Position:
        return self._position(event, len(event.anchor) + 1)

    def _locate(self, text: str, index: int) -> Position:
        line, start = 1, 0
        for found in _LINE_BREAK.finditer(text, 0, index):
            line, start = line + 1, found.end()
        return Position(self._file, line, index - start + 1)

    def _error(self, at: Position, message: str, hint: str = "") -> None:
        self.failed = True
        self._report.error(at, "", message, hint)

    def _refuse(self, at: Position, message: str, hint: str = "") -> NoReturn:
        self._error(at, message, hint)
        raise _RefusedError


@lru_cache(maxsize=4096)
def _resolve(text: str) -> str:
    """The tag of a plain scalar."""
    tag: str = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_TAG)
    # `=` and `<<` are types of their own in YAML 1.1 that no loader constructs; Kubernetes reads text.
    return tag if tag in _SCALAR_TAGS else "str"


def _weigh(scalar: Scalar) -> int:
    # An alias of a long text costs what the text costs once it is written out: a KiB counts as one more node.
    return 1 + len(scalar.text) // 1024


def _find_unusable(text: str) -> tuple[str, str] | None:
    if "\0" in text:
        return "a NUL character", "no argument, environment variable or path can hold one"
    if _SURROGATE.search(text):
        return "half of a surrogate pair", r"write the character itself, or \U and eight digits"
    return None
