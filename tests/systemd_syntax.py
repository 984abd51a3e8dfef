"""systemd's side of a unit file, for tests: reads back what `podunit.unitfile` has written.

Written from systemd.syntax(7), systemd.service(5) "COMMAND LINES" and systemd.unit(5) "SPECIFIERS"; it shares nothing
with the code that quotes.
"""

from __future__ import annotations

from podunit.unitfile import Value

DIRECTORIES = {"E": "/etc", "t": "<runtime>", "S": "<state>", "H": "<host>", "h": "<home>"}
_LETTERS = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "s": 32}
_LETTERS |= {char: ord(char) for char in "\\\"'"}


def join_lines(value: str) -> str:
    """What follows `Name=` once lines that end with a backslash are joined; a comment between them is left out."""
    joined = ""
    for number, line in enumerate(value.split("\n")):
        if number and line.strip()[:1] in ("#", ";"):
            continue
        backslashes = len(line) - len(line.rstrip("\\"))
        if backslashes % 2 == 0:
            return (joined + line).strip()
        joined += line[:-1] + " "
    raise AssertionError("the last line goes on")


def split_words(line: str) -> list[tuple[str, bool]]:
    """The words of a line, each with whether it was quoted; quotes are at both ends of a word or nowhere."""
    found: list[tuple[str, bool]] = []
    at = 0
    while at < len(line):
        if line[at] in " \t":
            at += 1
            continue
        quote = line[at] if line[at] in "\"'" else ""
        at += len(quote)
        word = ""
        while at < len(line) and line[at] not in (quote or " \t"):
            assert quote or line[at] not in "\"'", "a quote inside a word"
            if line[at] == "\\":
                char, at = unescape(line, at + 1)
                word += char
            else:
                word += line[at]
                at += 1
        if quote:
            assert line[at : at + 1] == quote, "a quote that is not closed"
            at += 1
            assert line[at : at + 1] in ("", " ", "\t"), "text after a closing quote"
        found.append((word, bool(quote)))
    return found


def unescape(line: str, at: int) -> tuple[str, int]:
    """The character of a C escape whose backslash is before `at`, and where it ends."""
    if line[at] == "x":
        code = int(line[at + 1 : at + 3], 16)
        assert 0 < code < 0x80, "a byte that is no character"
        return chr(code), at + 3
    return chr(_LETTERS[line[at]]), at + 1


def expand_specifiers(text: str) -> str:
    expanded = ""
    rest = iter(text)
    for char in rest:
        if char != "%":
            expanded += char
            continue
        letter = next(rest)
        expanded += "%" if letter == "%" else DIRECTORIES[letter]
    return expanded


def expand_variables(text: str) -> str:
    assert "$" not in text.replace("$$", ""), "a variable"
    return text.replace("$$", "$")


def read_command(value: Value) -> list[str]:
    """The argv that systemd makes of an Exec line, if it is one command."""
    words = split_words(join_lines(value.text))
    assert (";", False) not in words, "a second command"
    return [expand_variables(expand_specifiers(word)) for word, _ in words]


def read_list(value: Value) -> list[str]:
    """The words of a directive that is a list."""
    return [expand_specifiers(word) for word, _ in split_words(join_lines(value.text))]
