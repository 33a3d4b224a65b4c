"""The hosts of one run and the ways to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from runyard.hosts.inventory import Host, Inventory
from runyard.model.connector import Connector

Open = Callable[[Host, str], Connector]
"""Makes the connector of a host for a user ("" is the transport's own); does not connect."""


class Fleet:
    """Selects hosts and keeps one connector per host and user, opened when first asked for.

    `limit` holds patterns that every selection is narrowed to (`--limit`).

    Attributes:
        met: names of hosts that were reached at least once.
        absent: hosts that the run goes on without, and why.
    """

    def __init__(self, inventory: Inventory, open: Open, limit: tuple[str, ...] = ()) -> None:
        self.inventory = inventory
        self._open = open
        self._allowed = {h.name for h in inventory.select(limit)} if limit else None
        self._selected: dict[tuple[str, ...], list[Host]] = {}
        self._connectors: dict[tuple[str, str], Connector] = {}
        self._asked: dict[tuple[str, str | None], Connector] = {}
        self.met: set[str] = set()
        self.absent: dict[str, str] = {}

    def select(self, targets: tuple[str, ...]) -> list[Host]:
        """Hosts that `targets` name (none: all), in the inventory's order.

        Raises:
            UsageError: a name is unknown.
        """
        hosts = self._selected.get(targets)
        if hosts is None:
            hosts = self.inventory.select(targets)
            if self._allowed is not None:
                hosts = [host for host in hosts if host.name in self._allowed]
            self._selected[targets] = hosts
        return hosts

    def connector(self, host: Host, become: str | None = None) -> Connector:
        """The way to `host` as a user, the same one every time; None is as the inventory says."""
        connector = self._asked.get((host.name, become))
        if connector is None:
            linked, user = self.inventory.with_link(host), self.user(host, become)
            connector = self._connectors.get((host.name, user))
            if connector is None:
                connector = self._connectors[host.name, user] = self._open(linked, user)
            self._asked[host.name, become] = connector
        return connector

    def user(self, host: Host, become: str | None = None) -> str:
        """As whom `connector` works there; "" is the user of the transport."""
        return self.inventory.with_link(host).user(become)

    async def close(self, *, done: bool = False, but: Collection[str] = ()) -> None:
        """Leave all hosts; attempts that run go on. `done`: as of `Connector.close`.

        The hosts `but` may be asked again: there it is not done.
        """
        ways = {id(way): way for way in self._connectors.values()}
        kept = {id(way) for (host, _), way in self._connectors.items() if host in but}
        leave = (way.close(done=done and at not in kept) for at, way in ways.items())
        await asyncio.gather(*leave, return_exceptions=True)
