"""Below all rooms: frozen dataclasses whose methods are made when they are first needed.

To make a dataclass takes half a millisecond, as its methods are compiled from text, and a command of podunit knows
some two hundred of which it uses a tenth. Here one method is compiled, at the first object; the others are the same
for all classes.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(kind: type[T]) -> type[T]:
    """The class as `dataclasses.dataclass(frozen=True)` makes it, of which `field` takes a default and metadata."""
    made: Any = kind

    def complete_and_init(self: Any, *values: object, **named: object) -> None:
        _complete(made)
        self.__init__(*values, **named)

    made.__init__ = complete_and_init
    made.__dataclass_fields__ = _Fields()
    for name, method in _METHODS.items():
        if name not in vars(kind):
            setattr(kind, name, method)
    return kind


def is_record(kind: type) -> bool:
    """Whether this is such a class; to ask makes nothing."""
    return "__dataclass_fields__" in vars(kind)


class _Fields:
    """Stands for the fields of a class until somebody looks: dataclasses.fields(), or a dataclass that inherits."""

    def __get__(self, instance: object, kind: Any) -> object:
        owner = next(base for base in kind.__mro__ if vars(base).get("__dataclass_fields__") is self)
        _complete(owner)
        return kind.__dataclass_fields__


def _complete(kind: Any) -> None:
    del kind.__dataclass_fields__
    dataclass(init=False, repr=False, eq=False)(kind)
    kind.__init__ = _make_init(kind)


def _make_init(kind: Any) -> Any:
    names: dict[str, object] = {"_set": object.__setattr__, "_MISSING": MISSING}
    parameters, lines = ["self"], ["pass"]
    for one in fields(kind):
        parameter = value = one.name
        if one.default is not MISSING:
            parameter, names[f"_{one.name}"] = f"{one.name}=_{one.name}", one.default
        elif one.default_factory is not MISSING:
            parameter, names[f"_{one.name}"] = f"{one.name}=_MISSING", one.default_factory
            value = f"_{one.name}() if {one.name} is _MISSING else {one.name}"
        parameters.append(parameter)
        lines.append(f"_set(self, {one.name!r}, {value})")
    exec(f"def __init__({', '.join(parameters)}):\n  " + "\n  ".join(lines), names)
    return names["__init__"]


def _refuse_set(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _equals(self: object, other: object) -> bool:
    return vars(self) == vars(other) if self.__class__ is other.__class__ else NotImplemented


def _hash(self: object) -> int:
    return hash(tuple(vars(self).values()))


def _show(self: object) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
    return f"{self.__class__.__qualname__}({shown})"


_METHODS = {
    "__setattr__": _refuse_set,
    "__delattr__": _refuse_delete,
    # With __eq__ of its own a class has its own __hash__, too, or none.
    "__eq__": _equals,
    "__hash__": _hash,
    "__repr__": _show,
}
