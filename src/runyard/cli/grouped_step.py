"""A step on many hosts while it goes on: what is told at once, and what waits for its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runyard.cli.capture import Line
from runyard.cli.grouping import Group, Grouping

PATIENCE = 2.0
"""Seconds after which a host is slow: what it prints is told before it has ended. A step is slow
after the same time: failures are told as they come."""

SPEAKERS = 5
_REMEMBERED = 100_000


class GroupedStep:
    """Keeps lines and ends of the hosts of one step.

    Nothing of a quick host is told at once. Of slow ones, each line that no other host has
    printed at its place is told once, with the first host that did; only the first few hosts that
    have something of their own to say are listened to.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self.slow = False
        self._grouping = Grouping(hosts)
        self._began: float | None = None
        self._since: dict[str, float] = {}
        self._slow_hosts: set[str] = set()
        self._speakers: set[str] = set()
        self._told: set[int] = set()

    def has_ended(self, host: str) -> bool:
        """True when the host has come to its end; what it prints now belongs to no group."""
        return self._grouping.has_ended(host)

    def hear(self, host: str, stream: str, texts: Sequence[str]) -> list[Line]:
        """A host has printed lines; returns those to tell at once."""
        lines = self._grouping.hear(host, stream, texts)
        return self._news(host, lines) if host in self._slow_hosts else []

    def again(self, host: str) -> None:
        """The host tries again."""
        self._grouping.again(host)

    def end(self, host: str, status: str, message: str, warnings: Iterable[str]) -> None:
        """The host has come to its end."""
        self._grouping.end(host, status, message, warnings)
        self._since.pop(host, None)
        self._slow_hosts.discard(host)

    def tick(self, now: float) -> dict[str, list[Line]]:
        """Time passes (`now` in seconds of any clock). Of hosts that have turned slow: the lines
        to tell of what they have printed until now."""
        if self._began is None:
            self._began = now
        self.slow = now - self._began >= PATIENCE
        told = {}
        for host, capture in self._grouping.running.items():
            late = now - self._since.setdefault(host, now) >= PATIENCE
            if late and host not in self._slow_hosts:
                self._slow_hosts.add(host)
                told[host] = self._news(host, capture.kept)
        return told

    def groups(self) -> list[Group]:
        """All hosts that were heard of, as groups."""
        return self._grouping.groups()

    def _news(self, host: str, lines: Iterable[Line]) -> list[Line]:
        return [line for line in lines if self._is_news(host, line)]

    def _is_news(self, host: str, line: Line) -> bool:
        place = hash(line)
        if place in self._told:
            return False
        if host not in self._speakers:
            if len(self._speakers) >= SPEAKERS:
                return False
            self._speakers.add(host)
        if len(self._told) >= _REMEMBERED:
            self._told.clear()
        self._told.add(place)
        return True
