from __future__ import annotations

from dataclasses import asdict, field, fields, replace

import pytest

from runyard.model.light import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0
    note: str = field(default="", compare=False, repr=False)


@dataclass
class Loose:
    x: int


@dataclass(eq=False, repr=False)
class Bare:
    x: int


def test_values_behave_as_dataclasses_do() -> None:
    assert Point(1, 2) == Point(1, 2, "other") != Point(2, 1)
    assert Point(1) != (1, 0, "")
    assert hash(Point(1, 2)) == hash(Point(1, 2, "other"))
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"
    assert asdict(replace(Point(1), y=5)) == {"x": 1, "y": 5, "note": ""}
    assert [f.name for f in fields(Point)] == ["x", "y", "note"]


def test_what_may_change_has_no_hash() -> None:
    assert Loose(1) == Loose(1)
    with pytest.raises(TypeError):
        hash(Loose(1))


def test_identity_when_asked_for() -> None:
    assert Bare(1) != Bare(1)
    assert "Bare object" in repr(Bare(1))


def test_slots_leave_no_room_for_other_names() -> None:
    with pytest.raises(AttributeError):
        Point(1).other = 2  # type: ignore[attr-defined,misc]
