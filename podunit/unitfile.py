"""Unit files as data, and the one door through which text becomes systemd's syntax.

In: plain text, words of a command line, unit names. Out: `Value` and `Directive`, which alone may be printed by a
template. All escaping of systemd.syntax(7), systemd.service(5) "COMMAND LINES" and systemd.unit(5) "STRING
ESCAPING FOR INCLUSION IN UNIT NAMES" is here. Knows nothing of pods or engines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from podunit.record import record

# systemd.unit(5): unit names, including the suffix, end at 255 characters.
UNIT_NAME_MAX = 255

# Above this many characters a command is written over several lines, systemd.syntax(7).
_LONG_LINE = 110
_CONTINUED = " \\\n  "

_SAFE_WORD = re.compile(r"[A-Za-z0-9_@%+=:,./~^!&*(){}|<>?\[\]-]+")
# Of most words nothing is escaped or quoted.
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_@+=:,./~^!&*(){}|<>?\[\]-]+")
_ESCAPED_IN_NAME = re.compile(r"[^A-Za-z0-9:_.]|^\.")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED = re.compile(r"[\x00-\x1f\x7f\\]")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Specifier(StrEnum):
    """A specifier of systemd.unit(5): what differs between managers, or between machines."""

    CONFIG_DIR = "%E"
    RUNTIME_DIR = "%t"
    STATE_DIR = "%S"
    HOST_NAME = "%H"
    HOME = "%h"


class Variable(StrEnum):
    """A variable that systemd.service(5) "COMMAND LINES" replaces within a word of an Exec line."""

    POD_IP = "${POD_IP}"
    HOST_IP = "${HOST_IP}"


class Script(str):
    """A shell script as a word of an Exec line, where it is written over several lines.

    Space joins them, which has to mean the same to a shell; an indentation is for who reads them.
    """

    __slots__ = ("lines",)
    lines: tuple[str, ...]

    def __new__(cls, lines: Iterable[str]) -> Script:
        """The text of all lines."""
        found = tuple(lines)
        self = super().__new__(cls, " ".join(line.strip() for line in found))
        self.lines = found
        return self


# A word of a command line: text, or pieces of text around what systemd replaces.
Word = str | tuple[str | Specifier | Variable, ...]


@record
class Value:
    """The right-hand side of a directive, in systemd's own syntax."""

    text: str


@record
class Directive:
    """A whole line, `Name=value`."""

    name: str
    value: Value


@record
class UnitFile:
    """A unit to be: its file name, the template that prints it, and what the template is given."""

    name: str
    template: str
    values: Mapping[str, Value | tuple[Value, ...] | tuple[Directive, ...] | bool | None]


def escape_text(text: str) -> Value:
    """Plain text for a directive that expands specifiers but does not split words, such as Description=."""
    if _CONTROL.search(text):
        raise ValueError("control characters have no place in a unit file")
    # A backslash at the end of a line would join the next one to it.
    return Value(text.replace("%", "%%").rstrip("\\"))


def quote_word(word: Word, *, expands_variables: bool) -> Value:
    """One word of a list; with `expands_variables` one of an Exec line, where `$` is doubled."""
    return Value(_quote(word, expands_variables))


def join_words(words: Iterable[Word]) -> Value:
    """A list of words in which `$` has no meaning, such as RequiresMountsFor=."""
    return Value(" ".join(_quote(word, False) for word in words))


def command_line(words: Iterable[Word], *, ignore_failure: bool = False) -> Value:
    """An Exec line; the first word is the path of the program. A long one has a line per option, or JSON object."""
    texts = [_quote(word, True) for word in words]
    line = " ".join(texts)
    if len(line) > _LONG_LINE:
        options = [index for index, text in enumerate(texts) if text.lstrip("\"'").startswith(("--", "{"))]
        breaks = {*options, *(index + 1 for index in options[-1:])}
        line = "".join(f"{_CONTINUED if index in breaks else ' '}{text}" for index, text in enumerate(texts))[1:]
    return Value(f"-{line}" if ignore_failure else line)


def join_units(names: Iterable[str]) -> Value:
    """Unit names for After= and its like, where `%` is expanded but a backslash is not unescaped."""
    return Value(" ".join(name.replace("%", "%%") for name in names))


def quote_unit_in_script(name: str) -> Value:
    """A unit name in a shell script that is, in single quotes, a word of an Exec line: the backslash is for both."""
    text = name.replace("%", "%%").replace("\\", "\\\\")
    return Value(f'"{text}"' if "\\" in text else text)


def escape_unit_name(text: str) -> str:
    r"""What `systemd-escape TEXT` prints: `/` as `-`, and all but letters, digits, `:_.` as `\xNN`."""
    return _ESCAPED_IN_NAME.sub(lambda found: "-" if found[0] == "/" else _hex_bytes(found[0]), text)


def unescape_unit_name(text: str) -> str:
    r"""The inverse of `escape_unit_name`, of a text that it has made."""
    plain = text.replace("-", "/").encode()
    data = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), plain)
    return data.decode(errors="replace")


def _quote(word: Word, expands_variables: bool) -> str:
    if isinstance(word, Script):
        pieces = ("", *(_escape_piece(line, expands_variables) for line in word.lines))
        return f"'{_CONTINUED.join(pieces)}'"
    if isinstance(word, str):
        if _PLAIN_WORD.fullmatch(word):
            return word
        text = _escape_piece(word, expands_variables)
    else:
        text = "".join(
            piece.value if isinstance(piece, (Specifier, Variable)) else _escape_piece(piece, expands_variables)
            for piece in word
        )
    if _SAFE_WORD.fullmatch(text):
        return text
    # A word that is a lone `;` would end the command; quotes take that meaning away. Inside single ones a double one
    # needs no backslash, which is easier to read.
    return f"'{text}'" if '"' in text and "'" not in text else '"' + text.replace('"', '\\"') + '"'


def _escape_piece(text: str, expands_variables: bool) -> str:
    if "\0" in text:
        raise ValueError("NUL has no place in a command line")
    escaped = _ESCAPED.sub(_escape_char, text).replace("%", "%%")
    return escaped.replace("$", "$$") if expands_variables else escaped


def _escape_char(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0]) or f"\\x{ord(found[0]):02x}"


def _hex_bytes(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode())


def list_directives(text: str) -> list[str]:
    """The directives of a unit file that systemd heeds, each in one line, after its section: `[Service]Nice=1`."""
    found = []
    section = begun = ""
    for line in _list_heeded(text):
        if line.endswith("\\"):
            begun += f"{line[:-1]} "
        elif line.startswith("[") and not begun:
            section = line
        else:
            found.append(f"{section}{begun}{line}")
            begun = ""
    return [*found, f"{section}{begun}"] if begun else found


def strip_remarks(text: str) -> str:
    """The text of a unit file without what systemd skips: comments, empty lines and X- sections."""
    return "\n".join(_list_heeded(text))


def _list_heeded(text: str) -> list[str]:
    lines = []
    skipped = False
    for line in text.split("\n"):
        if line.startswith("["):
            skipped = line.startswith("[X-")
        if line and not skipped and line[0] not in "#;":
            lines.append(line)
    return lines
