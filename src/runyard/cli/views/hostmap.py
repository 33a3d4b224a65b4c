"""Where every host of a step is, as a map of a few cells in the inventory's order."""

from __future__ import annotations

from collections.abc import Iterable

from runyard.model.status import Status

GOOD, SKIPPED, WAITING, RUNNING, CANCELED, BAD = range(6)
"""States of a host. A cell that stands for several hosts shows the highest of theirs."""

GLYPHS = {
    GOOD: ("■", "green"),
    SKIPPED: ("□", "cyan"),
    WAITING: ("·", "dim"),
    RUNNING: ("▪", "blue"),
    CANCELED: ("✗", "magenta"),
    BAD: ("✗", "red"),
}
_OF_STATUS = {
    Status.SUCCESS: GOOD,
    Status.SKIPPED: SKIPPED,
    Status.CANCELED: CANCELED,
    Status.INTERRUPTED: CANCELED,
}


class HostMap:
    """One byte per host."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._places = {host: place for place, host in enumerate(hosts)}
        self._states = bytearray([WAITING]) * len(self._places)

    def begin(self, host: str) -> None:
        """The host is at work."""
        self._put(host, RUNNING)

    def end(self, host: str, status: str) -> None:
        """The host has a result."""
        self._put(host, _OF_STATUS.get(Status(status), BAD) if status else BAD)

    def cells(self, most: int) -> list[int]:
        """At most `most` states; each stands for equally many hosts in a row, the last for fewer.

        A failure shows in its cell whatever else is in it.
        """
        hosts = len(self._states)
        each = max(1, -(-hosts // max(1, most)))
        return [max(self._states[at : at + each]) for at in range(0, hosts, each)]

    def _put(self, host: str, state: int) -> None:
        place = self._places.get(host)
        if place is not None:
            self._states[place] = state
