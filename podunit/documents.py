"""Documents kept for later: nodes back to text, one object a file, for an apply that comes later.

In: nodes. Out: text that is YAML, nearly JSON, and reads back as the same nodes but for their positions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from podunit.source import Mapping, Node, Scalar, Sequence

# What YAML does not take as it is; json.dumps leaves it.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def dump_document(node: Node) -> str:
    """The text of a document, with a line for each entry; mappings are in the order of their keys."""
    return "".join(_dump(node, "")) + "\n"


def _dump(node: Node, indent: str) -> Iterator[str]:
    deeper = indent + "  "
    match node:
        case Scalar():
            yield _quote(node.text) if node.tag == "str" else node.text or "null"
        case Sequence(items=()):
            yield "[]"
        case Mapping(entries=()):
            yield "{}"
        case Sequence(items=items):
            yield "[\n"
            for index, item in enumerate(items):
                yield f"{deeper}"
                yield from _dump(item, deeper)
                yield ",\n" if index + 1 < len(items) else f"\n{indent}]"
        case Mapping(entries=entries):
            yield "{\n"
            for index, entry in enumerate(sorted(entries, key=lambda entry: entry.key.text)):
                yield f"{deeper}{_quote(entry.key.text)}: "
                yield from _dump(entry.value, deeper)
                yield ",\n" if index + 1 < len(entries) else f"\n{indent}}}"


def _quote(text: str) -> str:
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
