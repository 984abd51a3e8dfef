"""Dataclasses whose methods are made late behave as those whose methods are made at once."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import ClassVar

import pytest

from podunit.record import is_record, record


@record
class Point:
    shown: ClassVar[str] = "point"

    x: int
    y: int = 2
    tags: tuple[str, ...] = field(default=(), metadata={"key": "labels"})


@record
class Named(Point):
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} at {self.x}"


def test_objects_are_those_of_a_frozen_dataclass() -> None:
    point = Point(1)
    assert (point.x, point.y, point.tags) == (1, 2, ())
    assert point == Point(x=1, y=2)
    assert point != Point(2)
    assert len({point, Point(1), Point(2)}) == 2
    assert replace(point, y=5) == Point(1, 5)
    assert asdict(point) == {"x": 1, "y": 2, "tags": ()}
    assert repr(point) == "Point(x=1, y=2, tags=())"
    assert copy.deepcopy(point) == pickle.loads(pickle.dumps(point)) == point
    with pytest.raises(FrozenInstanceError):
        point.x = 3  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del point.x
    match point:
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_a_wrong_argument_is_an_error_at_the_first_object() -> None:
    @record
    class Fresh:
        x: int

    with pytest.raises(TypeError, match="y"):
        Fresh(y=1)  # type: ignore[call-arg]
    assert Fresh(1).x == 1


def test_fields_are_known_before_the_first_object() -> None:
    @record
    class Fresh:
        x: int
        y: int = field(default=1, metadata={"key": "Y"})

    assert [(it.name, it.metadata.get("key")) for it in fields(Fresh)] == [("x", None), ("y", "Y")]
    assert Fresh(2) == Fresh(2, 1)


def test_an_heir_has_the_fields_of_what_it_inherits() -> None:
    @record
    class Base:
        x: int

    @record
    class Heir(Base):
        y: int = 0

    class Other(Base):
        """Not of its own making."""

    assert [it.name for it in fields(Heir)] == ["x", "y"]
    assert (Other(1).x, Heir(1, 2).y) == (1, 2)
    assert [it.name for it in fields(Other)] == ["x"]
    assert Heir(1, 2) != Base(1)
    named = Named(1, name="here")
    assert (str(named), named.y) == ("here at 1", 2)


def test_methods_are_not_made_before_they_are_needed() -> None:
    @record
    class Fresh:
        x: int

    early = vars(Fresh)["__init__"]
    assert is_record(Fresh)
    assert not is_record(int)
    assert vars(Fresh)["__init__"] is early
    Fresh(1)
    assert vars(Fresh)["__init__"] is not early
