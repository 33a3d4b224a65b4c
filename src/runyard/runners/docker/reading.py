"""One container from its start to its end, with every byte of its output read once."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from runyard.model.errors import RunyardError
from runyard.runners.docker.contact import Contact
from runyard.runners.docker.fault import fault_of, is_absent, is_daemons
from runyard.runners.docker.orders import OUTPUT, Orders
from runyard.runners.docker.sink import Sink
from runyard.runners.docker.streams import ended, live, logged
from runyard.runners.docker.track import Replay, Track
from runyard.runners.docker.usage import Usage

if TYPE_CHECKING:
    from aiodocker.containers import DockerContainer

DRAIN = 10.0
"""Seconds in which the last output of a container arrives once it has ended."""

START = 120.0
"""Seconds in which the daemon starts a container."""

_RESTORED = 3.0
"""Seconds after a break in which a daemon finds out what has ended in its absence."""

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
    life of the run, it is read from the daemon's log, from its beginning; what was taken before is
    left out. `missed` says that it ended while there was no contact: a daemon that is away reads
    no output.
    """

    def __init__(
        self,
        contact: Contact,
        orders: Orders,
        usage: Usage,
        new_sink: Callable[[], Sink],
        lose: Callable[[int, bytes], None],
    ) -> None:
        """`lose` is told what the run's log has of a stream, and the daemon's has lost."""
        self.sink = new_sink()
        self.missed = False
        self._tracks = {number: Track() for number in self.sink.captures}
        self._contact = contact
        self._orders = orders
        self._usage = usage
        self._new_sink = new_sink
        self._lose = lose

    async def to_the_end(self) -> dict[str, Any]:
        """See it through; returns what the daemon knows of it in the end.

        Raises:
            NotStarted, Gone: see there.
            HostLost: the daemon was not there for too long.
            SystemFault: the daemon cannot tell the output.
        """
        complete, breaks, renewed = False, 0, -math.inf
        while True:
            known = await self._contact.surely(self._contact.look)
            if breaks != self._contact.broke:
                breaks, renewed = self._contact.broke, time.monotonic()
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
            else:
                if not complete:
                    self.missed = time.monotonic() - renewed < _RESTORED
                    await self._contact.surely(self._reread)
                self.sink.close()
                if self.sink.spool.dropped:
                    await self._contact.surely(self._complete)
                return known

    async def _start(self) -> bool:
        """Attach, start, and read to the end; True when nothing can have been missed."""
        from aiodocker.exceptions import DockerError
        from aiohttp import ClientError

        container = await self._contact.container()
        stream = container.attach(stdout=True, stderr=True)
        try:
            async with stream:
                async with asyncio.timeout(START):
                    await container.start()
                if await self._read(container, live(stream), self._take):
                    return True
        except (DockerError, ClientError, OSError) as error:
            if is_daemons(error):
                raise NotStarted(fault_of(error, "cannot start the container")) from error
        self._contact.lost()
        return False

    async def _follow(self) -> None:
        """Read the log of one that runs; its end has to be looked for afterwards."""
        container = await self._contact.container()
        if not await self._read(container, logged(container, follow=True), self._again()):
            self._contact.lost()

    async def _reread(self) -> None:
        """Read the whole log of one that has ended. Raises NetworkError."""
        take = self._again()
        async for number, data in self._log():
            take(number, data)

    async def _complete(self) -> None:
        """The run's log could not be written for a while: write what it lacks, if it takes it."""
        sink = self._new_sink()
        async for number, data in self._log():
            sink.take(number, data)
        sink.close()
        self.sink.spool.dropped = sink.spool.dropped

    async def _log(self) -> AsyncIterator[tuple[int, bytes]]:
        """The log of one that has ended, of the streams that there are. Raises NetworkError."""
        from aiodocker.exceptions import DockerError
        from aiohttp import ClientError

        container = await self._contact.container()
        try:
            async for number, data in logged(container, follow=False):
                if number in self._tracks:
                    yield number, data
        except (DockerError, ClientError, OSError) as error:
            raise fault_of(error, "cannot read the container's output") from error

    async def _read(
        self,
        container: DockerContainer,
        output: AsyncIterator[tuple[int, bytes]],
        take: Callable[[int, bytes], None],
    ) -> bool:
        """Have `output` taken and wait for the end of the container; False when contact broke.

        One that has closed its streams may run on; one whose end is known ends its streams.
        """
        from aiodocker.exceptions import DockerError
        from aiohttp import ClientError

        reading = asyncio.ensure_future(_pump(output, take))
        ending = asyncio.ensure_future(ended(container))
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

    def _take(self, number: int, data: bytes) -> None:
        """Live output."""
        if number in self._tracks:
            self._tracks[number].take(data)
            self._put(number, data)

    def _again(self) -> Callable[[int, bytes], None]:
        """What takes one reading of the log, from its beginning."""
        replays = {
            number: Replay(track, partial(self._lose, number))
            for number, track in self._tracks.items()
        }

        def take(number: int, data: bytes) -> None:
            if number in replays and (fresh := replays[number].new(data)):
                self._put(number, fresh)

        return take

    def _put(self, number: int, data: bytes) -> None:
        if not self.sink.take(number, data):
            self._orders.give(OUTPUT, 0.0)


async def _pump(
    output: AsyncIterator[tuple[int, bytes]], take: Callable[[int, bytes], None]
) -> None:
    async for number, data in output:
        take(number, data)


def has_started(state: dict[str, Any]) -> bool:
    """True when the container was ever started."""
    return bool(state.get("Running")) or state.get("StartedAt", _NEVER) != _NEVER


def is_over(state: dict[str, Any]) -> bool:
    """True when it does not run any more."""
    return not state.get("Running") and state.get("Status") not in ("restarting", "paused")
