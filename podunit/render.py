"""Unit files as text: the only import of Jinja2.

In: `UnitFile`. Out: the bytes of the file. A template can print `Value` and `Directive` and nothing else, so no text
reaches a unit that `unitfile` has not escaped.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from podunit.files import find_folder
from podunit.unitfile import Directive, UnitFile, Value


def render(unit: UnitFile) -> str:
    """The text of a unit file, ending with a newline."""
    return _environment().get_template(unit.template).render(unit.values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(find_folder("templates")),
        undefined=StrictUndefined,
        finalize=_finalize,
        # Not for HTML: it makes a macro's result a Markup, which tells it from a raw string.
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _finalize(value: object) -> Markup:
    match value:
        case Markup():
            return value
        case Value(text):
            return Markup(text)
        case Directive(name, Value(text)):
            return Markup(f"{name}={text}")
    raise TypeError(f"a template printed {value!r}, which is neither a Value nor a Directive")
