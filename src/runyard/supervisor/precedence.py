"""Which doors are of the past: what a cut link still holds must not be done when it arrives.

A link may sleep for half a minute, with requests in it, and wake up when whoever sent them has
long come through another one, was served, and has left.
"""

from __future__ import annotations

from .refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .door import Door

REMEMBERED = 10000


class Precedence:
    """Lets the newest door of each connector in, and nobody start anew what was cleaned."""

    def __init__(self) -> None:
        self._serial = 0
        self._numbers: dict[str, int] = {}  # by connector, the highest that came
        self._doors: dict[str, Door] = {}
        self._cleaned: dict[str, int] = {}  # by run, the door that came last before that

    def enter(self, door: Door, connector: str, number: int) -> None:
        """`door` introduces itself as connection `number` of `connector` ("": it has none).

        Older doors of that connector are closed. Raises Refusal STALE when it is itself older.
        """
        if connector:
            if number <= self._numbers.get(connector, 0):
                raise Refusal("STALE", "a later connection has come since", fatal=True)
            _remember(self._numbers, connector, number)
            before = self._doors.pop(connector, None)
            if before is not None and before is not door:
                before.close()
            self._doors[connector] = door
            door.on_leave[self] = lambda: self._leave(door, connector)
        self._serial += 1
        door.serial = self._serial

    def clean(self, run: str) -> None:
        """`run` is over: doors that are here by now start nothing of it any more."""
        _remember(self._cleaned, run, self._serial)

    def check(self, door: Door, attempt: str) -> None:
        """Raises Refusal STALE when `door` must not start `attempt`, as of a run that was over."""
        if door.serial <= self._cleaned.get(attempt.partition("/")[0], 0):
            raise Refusal("STALE", "the run was cleaned since this door came", fatal=True)

    def _leave(self, door: Door, connector: str) -> None:
        if self._doors.get(connector) is door:
            del self._doors[connector]


def _remember(table: dict[str, Any], key: str, value: Any) -> None:
    """The latest are enough: doors do not last for thousands of others."""
    table.pop(key, None)
    if len(table) >= REMEMBERED:
        del table[next(iter(table))]
    table[key] = value
