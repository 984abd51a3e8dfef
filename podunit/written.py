"""What podunit has written into the unit directory, to tell later whether somebody else has changed it.

In: texts by file name. Out: a record of their digests, as `sha256sum --check` reads it, and back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def digest(text: str) -> str:
    """SHA-256 of a file's text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def dump_written(digests: Mapping[str, str]) -> str:
    """The record of digests by file name, a line for each."""
    return "".join(_dump_line(name, found) for name, found in sorted(digests.items()))


def parse_written(text: str) -> dict[str, str]:
    """The digests of a record, by file name; a line that is none is passed over."""
    found = {}
    for line in text.splitlines():
        value, space, name = line.removeprefix("\\").partition("  ")
        if space:
            found[name.replace("\\\\", "\\") if line.startswith("\\") else name] = value
    return found


def _dump_line(name: str, value: str) -> str:
    # sha256sum(1): a name with a backslash is escaped, and its line says so.
    if "\\" in name:
        return f"\\{value}  {name.replace(chr(92), chr(92) * 2)}\n"
    return f"{value}  {name}\n"
