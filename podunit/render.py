"""Unit files, and scripts that they run, as text: the only import of Jinja2.

In: `UnitFile`. Out: the text of the file. A template can print `Value` and `Directive` and nothing else, so no text
reaches a unit that `unitfile` has not escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from podunit.files import find_folder
from podunit.unitfile import Directive, UnitFile, Value


def render(unit: UnitFile) -> str:
    """The text of a unit file, ending with a newline."""
    return render_template(unit.template, unit.values)


def render_template(name: str, values: Mapping[str, object]) -> str:
    """The text that a template makes of values, whatever it is of; whoever made them has escaped them for that."""
    return str(_find_template(name).render(values))


class _Printed(str):
    """What a template or a macro has printed: its type tells it from a raw string."""

    __slots__ = ()


class _Environment(Environment):
    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """Joins what has been printed; by this name Jinja2 looks for it."""
        return _Printed("".join(pieces))


@cache
def _find_template(name: str) -> Template:
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = _Environment(
        loader=FileSystemLoader(find_folder("templates")),
        undefined=StrictUndefined,
        finalize=_finalize,
        autoescape=False,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # Templates call macros and nothing else; each file's context is made of these, too.
    environment.globals.clear()
    return environment


def _finalize(value: object) -> str:
    if isinstance(value, Value):
        return value.text
    if isinstance(value, _Printed):
        return value
    if isinstance(value, Directive):
        return f"{value.name}={value.value.text}"
    raise TypeError(f"a template printed {value!r}, which is neither a Value nor a Directive")
