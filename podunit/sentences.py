"""What libyaml and PyYAML say about broken YAML, and what it means to the writer of the file.

In: the deepest nesting that is allowed. Out: words to look for in the parser's error, with a sentence and a hint.
"""

from __future__ import annotations


def list_sentences(max_depth: int) -> tuple[tuple[str, str, str], ...]:
    """The parser's words, a sentence, and a hint or ''; the first that fits counts."""
    return (
        ("maximum nesting depth", f"nested deeper than {max_depth} levels", ""),
        (
            "mapping values are not allowed",
            "a ': ' cannot stand here",
            "quote the value, or check the indentation",
        ),
        ("sequence entries are not allowed", "a list cannot start here", "start it on a line of its own"),
        ("mapping keys are not allowed", "a key cannot start here", "start it on a line of its own"),
        ("<document start>", "unexpected text after the end of the document", "check brackets and indentation"),
        ("node content", "expected a value here", ""),
        ("undefined tag handle", "this tag is not supported", "remove it, or quote the value"),
        ("unknown escape character", "unknown escape", r"write '\\' for a backslash, or use single quotes"),
        ("decimal number", "this escape needs more hexadecimal digits", ""),
        ("Unicode character escape", "this escape is not a character", ""),
        ("incompatible YAML document", "this version of YAML is not known", "remove the '%YAML' line"),
        ("comment or line break", "unexpected text after '|' or '>'", "the block starts on the next line"),
        ("chomping or indentation", "unexpected text after '|' or '>'", "the block starts on the next line"),
    )
