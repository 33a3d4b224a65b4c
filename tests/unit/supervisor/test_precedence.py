"""Which doors are of the past."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runyard.supervisor import precedence
from runyard.supervisor.precedence import Precedence
from runyard.supervisor.refusal import Refusal


class Peer:
    """What it needs of a door."""

    def __init__(self) -> None:
        self.serial = 0
        self.open = True
        self.on_leave: dict[object, Callable[[], None]] = {}

    def close(self) -> None:
        self.open = False
        for leave in list(self.on_leave.values()):
            leave()


def doors(order: Precedence, *introductions: tuple[str, int]) -> list[Any]:
    opened = []
    for connector, number in introductions:
        opened.append(Peer())
        order.enter(opened[-1], connector, number)  # type: ignore[arg-type]
    return opened


def test_a_later_connection_closes_the_earlier_one_of_its_connector_alone() -> None:
    opened = doors(Precedence(), ("a", 1), ("b", 1), ("", 0), ("", 0), ("a", 3))
    assert [door.open for door in opened] == [False, True, True, True, True]


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_earlier_connection_is_refused(number: int, left: bool) -> None:
    order = Precedence()
    (newest,) = doors(order, ("a", 2))
    if left:
        newest.close()
    with pytest.raises(Refusal) as refusal:
        doors(order, ("a", number))
    assert (refusal.value.code, refusal.value.fatal) == ("STALE", True)
    assert newest.open is not left


def test_doors_of_before_start_nothing_of_a_run_that_was_cleaned() -> None:
    order = Precedence()
    before = doors(order, ("a", 1), ("", 0))
    order.clean("run-1")
    (after,) = doors(order, ("", 0))
    for door in before:
        order.check(door, "run-2/s/h/1")
        with pytest.raises(Refusal):
            order.check(door, "run-1/s/h/1")
    order.check(after, "run-1/s/h/1")


def test_it_remembers_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "REMEMBERED", 2)
    order = Precedence()
    (door,) = doors(order, ("a", 5))
    doors(order, ("b", 5), ("c", 5), ("a", 1))
    for run in ("x", "y", "z"):
        order.clean(run)
    order.check(door, "x/s/h/1")
    with pytest.raises(Refusal):
        order.check(door, "z/s/h/1")
