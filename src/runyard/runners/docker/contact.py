"""Contact with the daemon that has an attempt's container, made again when it breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from runyard.model.errors import HostLost, NetworkError, RunyardError, SystemFault
from runyard.runners.docker.daemon import ask, connect
from runyard.runners.docker.fault import is_absent
from runyard.runners.docker.orders import Orders

if TYPE_CHECKING:
    from aiodocker import Docker
    from aiodocker.containers import DockerContainer

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for which a lost daemon is looked for while it may have a container of ours."""

SLACK = 10.0
"""The same beyond the grace when somebody has cancelled."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


class Contact:
    """Asks one daemon about one container.

    `find` tells the daemon's address: a socket that leads to another machine may be another one
    after a break. `broke` counts the breaks.
    """

    def __init__(
        self, host: str, name: str, orders: Orders, find: Callable[[], Awaitable[str]]
    ) -> None:
        self.name = name
        self.broke = 0
        self._host = host
        self._orders = orders
        self._find = find
        self._stale = False
        self._clients: dict[str, Docker] = {}

    async def docker(self) -> Docker:
        """The client. Raises as `find` and `connect`."""
        if self._stale or not self._clients:
            address = await self._find()
            known = self._clients.pop(address) if address in self._clients else None
            self._clients[address] = known or connect(address)
            self._stale = False
        return next(reversed(self._clients.values()))

    async def container(self) -> DockerContainer:
        """A handle; nothing is sent."""
        return (await self.docker()).containers.container(self.name)

    async def look(self) -> dict[str, Any] | None:
        """What the daemon knows of the container; None when there is none.

        Raises:
            NetworkError: the daemon cannot be reached. SystemFault: it may not be asked.
        """
        from aiodocker.exceptions import DockerError

        container = await self.container()

        async def show() -> dict[str, Any] | None:
            try:
                return await container.show()
            except DockerError as error:
                if is_absent(error):
                    return None
                raise

        return await ask(show(), f"cannot look for the container {self.name}")

    async def surely(self, act: Callable[[], Awaitable[T]]) -> T:
        """`act`, again and again until the daemon is there to answer, with patience.

        Raises:
            HostLost: it was not there, or could not tell, for too long: what runs is not known.
        """
        since, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            try:
                return await act()
            except (NetworkError, SystemFault) as error:
                self.lost()
                if time.monotonic() - since > self.patience():
                    raise self.given_up(error) from error
            await asyncio.sleep(min(pause, 0.5) if self._orders.why else pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def given_up(self, error: RunyardError) -> HostLost:
        """What to raise when the daemon was not there for too long."""
        return HostLost.of(self._host, error, canceled=self._orders.why == "cancel")

    def lost(self) -> None:
        """Contact was lost."""
        self.broke += 1
        self._stale = True

    async def close(self) -> None:
        """Let go of the daemon. Idempotent."""
        while self._clients:
            await self._clients.popitem()[1].close()

    def patience(self) -> float:
        """Seconds for which the daemon is looked for."""
        if self._orders.why != "cancel":
            return PATIENCE
        return 0.0 if self._orders.hurried else self._orders.grace + SLACK
