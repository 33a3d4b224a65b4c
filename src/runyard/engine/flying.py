"""Attempts without a known end: what the events of a run tell of work that may still go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runyard.model.errors import HostLost
from runyard.model.event import Event
from runyard.model.ids import attempt_id
from runyard.model.light import dataclass

CHECK = "~check"
"""Behind the key of a step: its check command, whose attempts are numbered by the run's epoch."""

GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Flying:
    """An attempt that was about to be started, and of which no end is known.

    Attributes:
        n: its number; that of a check is the epoch of the life that began it.
        become: as whom it works at its host; "" is the user of the transport.
        grace: seconds that it gets between SIGTERM and SIGKILL.
        check: it only looks whether the step is done.
    """

    step: str
    host: str
    n: int
    become: str = ""
    grace: float = GRACE
    check: bool = False

    def id(self, run_id: str) -> str:
        """The id under which its host knows it."""
        return attempt_id(run_id, self.step + (CHECK if self.check else ""), self.host, self.n)


class Flights:
    """A fold of all events of one run, in their order.

    An attempt is in flight from its intent to its result, and still when its host was lost. After
    a cancel that has ended all there was, nothing is; a life that takes the run up again may find
    that a host does not know an attempt, and start it under the same id.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, int], Flying] = {}
        self._checks: dict[tuple[str, str], Flying] = {}
        self._settled: set[Flying] = set()
        self._epoch = 1

    @classmethod
    def of(cls, events: Iterable[Event]) -> Flights:
        """Of events that are all there."""
        flights = cls()
        for event in events:
            flights.see(event)
        return flights

    @property
    def all(self) -> list[Flying]:
        """Those that may still run, checks last."""
        known = [*self._open.values(), *self._checks.values()]
        return [flying for flying in known if flying not in self._settled]

    def see(self, event: Event) -> None:
        """Fold an event in."""
        at, data = (event.step, event.host), event.data
        if event.type == "attempt.started":
            self._end_check(at)
            flying = _flying(event, check=False)
            self._open[*at, flying.n] = flying
        elif event.type == "check.started":
            self._checks[at] = _flying(event, check=True)
        elif event.type in ("attempt.finished", "result.reached"):
            result: Mapping[str, Any] = data["result"]
            if is_lost(result):
                return
            if n := int(result.get("attempt", 0)):
                self._open.pop((*at, n), None)
            else:
                self._end_check(at)
        elif event.type == "run.swept":
            self._sweep(data)
        elif event.type in ("run.resumed", "run.claimed"):
            self._epoch = int(data.get("epoch", self._epoch))
            self._settled.clear()

    def _end_check(self, at: tuple[str, str]) -> None:
        """It is over, if it is of this life: an earlier one's goes on whatever happens here."""
        check = self._checks.get(at)
        if check is not None and check.n == self._epoch:
            del self._checks[at]

    def _sweep(self, data: Mapping[str, Any]) -> None:
        if not data.get("unreached") and not data.get("survivors"):
            self._settled.update(self.all)
            return
        ended = {tuple(each) for each in data.get("settled", ())}
        self._settled.update(each for each in self.all if row_of(each) in ended)


def row_of(flying: Flying) -> tuple[str, str, int]:
    """Step, host and number of the row that tells of it: nothing was started by a check, 0."""
    return flying.step, flying.host, 0 if flying.check else flying.n


def is_lost(result: Mapping[str, Any]) -> bool:
    """Whether a result says that contact was lost, and no more is known."""
    return (result.get("error") or {}).get("code") == HostLost.code


def _flying(event: Event, *, check: bool) -> Flying:
    data = event.data
    return Flying(
        event.step,
        event.host,
        int(data["n"]),
        str(data.get("become", "")),
        float(data.get("grace", GRACE)),
        check,
    )
