"""What the events of a run tell of attempts whose end nobody saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from runyard.engine.flying import Flights, Flying
from runyard.model.errors import HostLost
from runyard.model.event import Event
from tests.unit.engine.support import RUN

GOOD = {"status": "success"}
LOST = {"status": "error", "error": HostLost("contact was lost").to_dict()}
ONE = Flying("s", "h", 1, "root", 3.0)
CHECK = Flying("s", "h", 1, check=True)


def event(type: str, **data: Any) -> Event:
    return Event(RUN, 1, 1.0, type, "s", "h", data)


def begun(n: int = 1) -> Event:
    return event("attempt.started", n=n, become="root", grace=3.0)


def checks(n: int = 1) -> Event:
    return event("check.started", n=n, grace=10.0)


def ended(result: dict[str, Any], n: int = 1) -> Event:
    return event("result.reached", result={**result, "attempt": n})


def swept(**more: Any) -> Event:
    return event("run.swept", ended=1, survivors=0, **more)


RESUMED = event("run.resumed", epoch=2)


@pytest.mark.parametrize(
    ("events", "left"),
    [
        ([begun()], [ONE]),
        ([begun(), ended(GOOD)], []),
        ([begun(), ended(LOST)], [ONE]),
        ([begun(), event("attempt.finished", n=1, result={**GOOD, "attempt": 1})], []),
        # A life that did not even reach the host tells nothing of what runs there.
        ([begun(), RESUMED, ended(GOOD, 0)], [ONE]),
        ([checks()], [CHECK]),
        ([checks(), begun()], [ONE]),
        ([checks(), ended(GOOD, 0)], []),
        ([checks(), ended(LOST, 0)], [CHECK]),
        ([checks(), RESUMED, ended(GOOD, 0)], [CHECK]),
        ([checks(), RESUMED, checks(2), begun()], [ONE]),
        ([begun(), swept()], []),
        ([begun(), swept(unreached={"h": "no route"})], [ONE]),
        ([begun(), event("run.swept", ended=1, survivors=2)], [ONE]),
        ([begun(), swept(unreached={"g": "no route"}, settled=[["s", "h", 1]])], []),
        ([checks(), swept(unreached={"g": "no route"}, settled=[["s", "h", 0]])], []),
        # A host that does not know it may be given it again, under the same id.
        ([begun(), swept(), RESUMED], [ONE]),
    ],
)
def test_what_may_still_run(events: Sequence[Event], left: Sequence[Flying]) -> None:
    assert Flights.of(events).all == left


def test_the_ids_under_which_hosts_know_them() -> None:
    assert ONE.id(RUN) == f"{RUN}/s/h/1"
    assert CHECK.id(RUN) == f"{RUN}/s~check/h/1"
