"""One container from its start to its end, with every byte of its output read once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from runyard.model.errors import RunyardError
from runyard.runners.docker.contact import Contact
from runyard.runners.docker.fault import fault_of, is_absent, is_daemons
from runyard.runners.docker.orders import OUTPUT, Orders
from runyard.runners.docker.sink import Sink
from runyard.runners.docker.streams import live, logged
from runyard.runners.docker.usage import Usage

if TYPE_CHECKING:
    from aiodocker.containers import DockerContainer

DRAIN = 10.0
"""Seconds in which the last output of a container arrives once it has ended."""

START = 120.0
"""Seconds in which the daemon starts a container."""

_PAUSE = 0.05
_NEVER = "0001-01-01T00:00:00Z"


class NotStarted(Exception):
    """The daemon refused to start the container; `fault` says why."""

    def __init__(self, fault: RunyardError) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Gone(Exception):
    """There is no such container any more."""


class Reading:
    """Starts the container unless that has been done, and reads until it has ended.

    Attached before the start, output comes as it is written. When contact breaks, and in a later
    life of the run, it is read from the daemon's log: again from the beginning, so that masks,
    exports and offsets come out the same, and what the run's log has already is left out.
    """

    def __init__(
        self, contact: Contact, orders: Orders, usage: Usage, new_sink: Callable[[], Sink]
    ) -> None:
        self.sink = new_sink()
        self._contact = contact
        self._orders = orders
        self._usage = usage
        self._new_sink = new_sink

    async def to_the_end(self) -> dict[str, Any]:
        """See it through; returns what the daemon knows of it in the end.

        Raises:
            NotStarted, Gone: see there.
            HostLost: the daemon was not there for too long.
            SystemFault: the daemon cannot tell the output.
        """
        complete = False
        while True:
            known = await self._contact.surely(self._contact.look)
            if known is None:
                raise Gone
            state = known["State"]
            if not has_started(state):
                if self._orders.why:
                    return known
                complete = await self._start()
            elif not is_over(state):
                complete = False
                await self._follow()
                await asyncio.sleep(_PAUSE)
            elif complete and not self.sink.spool.dropped:
                return known
            else:
                await self._contact.surely(self._reread)
                return known

    async def _start(self) -> bool:
        """Attach, start, and read to the end; True when nothing can have been missed."""
        from aiodocker.exceptions import DockerError
        from aiohttp import ClientError

        container = await self._contact.container()
        stream = container.attach(stdout=True, stderr=True)
        try:
            async with stream:
                await asyncio.wait_for(container.start(), START)
                if await self._read(container, live(stream)):
                    self.sink.close()
                    return True
        except (DockerError, ClientError, OSError) as error:
            if is_daemons(error):
                raise NotStarted(fault_of(error, "cannot start the container")) from error
        self._contact.lost()
        self._begin_again()
        return False

    async def _follow(self) -> None:
        """Read the log of one that runs; its end has to be looked for afterwards."""
        self._begin_again()
        container = await self._contact.container()
        if not await self._read(container, logged(container, follow=True)):
            self._contact.lost()

    async def _reread(self) -> None:
        """Read the whole log of one that has ended. Raises NetworkError."""
        from aiodocker.exceptions import DockerError
        from aiohttp import ClientError

        self._begin_again()
        container = await self._contact.container()
        try:
            async for number, data in logged(container, follow=False):
                self._take(number, data)
        except (DockerError, ClientError, OSError) as error:
            raise fault_of(error, "cannot read the container's output") from error
        self.sink.close()

    async def _read(
        self, container: DockerContainer, output: AsyncIterator[tuple[int, bytes]]
    ) -> bool:
        """Read `output` and wait for the end of the container; False when contact broke.

        One that has closed its streams may run on; one whose end is known ends its streams.
        """
        from aiodocker.exceptions import DockerError
        from aiohttp import ClientError

        reading = asyncio.ensure_future(self._pump(output))
        ending = asyncio.ensure_future(container.wait())
        watching = asyncio.ensure_future(self._usage.watch(container))
        try:
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            await ending
            self._orders.close()
            await asyncio.wait({reading}, timeout=DRAIN)
            return reading.done() and reading.exception() is None
        except (ClientError, OSError):
            return False
        except DockerError as error:
            if is_daemons(error) and not is_absent(error):
                raise fault_of(error, "cannot read the container's output") from error
            return False
        finally:
            for task in (reading, ending, watching):
                task.cancel()
            await asyncio.gather(reading, ending, watching, return_exceptions=True)

    async def _pump(self, output: AsyncIterator[tuple[int, bytes]]) -> None:
        async for number, data in output:
            self._take(number, data)

    def _take(self, number: int, data: bytes) -> None:
        if number in self.sink.captures and not self.sink.take(number, data):
            self._orders.give(OUTPUT, 0.0)

    def _begin_again(self) -> None:
        self.sink = self._new_sink()


def has_started(state: dict[str, Any]) -> bool:
    """True when the container was ever started."""
    return bool(state.get("Running")) or state.get("StartedAt", _NEVER) != _NEVER


def is_over(state: dict[str, Any]) -> bool:
    """True when it does not run any more."""
    return not state.get("Running") and state.get("Status") not in ("restarting", "paused")
