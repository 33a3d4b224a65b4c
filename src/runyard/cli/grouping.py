"""The hosts of a step by what they printed and how they ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field

from runyard.cli.capture import LIMIT, Capture, Line
from runyard.model.light import dataclass

_BUDGET = 32 * 1024 * 1024
_LEAST = 1024
"""Characters that are kept of all hosts of a step together, and of one host at least."""


@dataclass(slots=True)
class Group:
    """Hosts with equal output and equal ends.

    `first` is the lowest of their places in the inventory, and `capture` is of that host.
    """

    status: str
    message: str
    warnings: tuple[str, ...]
    capture: Capture
    first: int
    ranks: dict[str, int] = field(default_factory=dict)

    @property
    def hosts(self) -> list[str]:
        """Names in the inventory's order."""
        return sorted(self.ranks, key=self.ranks.__getitem__)


class Grouping:
    """Folds lines and ends of many hosts into groups, in bounded memory.

    `hosts` are all of them in the inventory's order. Of each, digests and at most 16 KiB of text
    are kept (less when there are thousands), and of hosts that are in a group together only one
    such text: the complete output is in the store.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._rank = {name: place for place, name in enumerate(hosts)}
        self._limit = max(_LEAST, min(LIMIT, _BUDGET // max(1, len(self._rank))))
        self._open: dict[str, Capture] = {}
        self._groups: dict[tuple[object, ...], Group] = {}
        self._ended: set[str] = set()

    @property
    def running(self) -> dict[str, Capture]:
        """What the hosts that have not ended have printed; those first that began first."""
        return self._open

    def has_ended(self, host: str) -> bool:
        """True when the host is in a group."""
        return host in self._ended

    def hear(self, host: str, stream: str, texts: Sequence[str]) -> list[Line]:
        """A host has printed lines; returns them as lines."""
        capture = self._open.get(host)
        if capture is None:
            capture = self._open[host] = Capture(self._limit)
        return capture.add(stream, texts)

    def again(self, host: str) -> None:
        """The host begins anew: what it has printed counts no longer."""
        self._open.pop(host, None)

    def end(self, host: str, status: str, message: str = "", warnings: Iterable[str] = ()) -> None:
        """The host has come to its end; a host ends once."""
        if host in self._ended:
            return
        self._ended.add(host)
        self._put(host, status, message, tuple(warnings), self._open.pop(host, None))

    def groups(self) -> list[Group]:
        """The largest first, of equal ones the one whose first host comes first.

        Hosts that have printed something and not ended are grouped as `running`.
        """
        for host in list(self._open):
            self._put(host, "running", "", (), self._open.pop(host))
        found = self._groups.values()
        return sorted(found, key=lambda group: (-len(group.ranks), group.first))

    def _put(
        self,
        host: str,
        status: str,
        message: str,
        warnings: tuple[str, ...],
        capture: Capture | None,
    ) -> None:
        capture = capture or Capture(self._limit)
        key = (status, message, warnings, capture.key)
        rank = self._rank.setdefault(host, len(self._rank))
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(status, message, warnings, capture, rank)
        elif rank < group.first:
            group.first, group.capture = rank, capture
        group.ranks[host] = rank
