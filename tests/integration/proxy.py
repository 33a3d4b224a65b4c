"""A TCP proxy on 127.0.0.1 that does to a connection what networks do.

    async with Proxy(port_of_the_server) as proxy:
        ... connect to proxy.port ...
        proxy.delay = 0.1            # seconds each way, from now on; with `jitter`, give or take
        proxy.bandwidth = 100_000    # bytes per second, each connection and direction
        proxy.loss = 0.3             # see below
        proxy.stall()                # connections stay open and nothing passes: a cut link
        proxy.resume()               # what was sent meanwhile arrives, late and in order
        proxy.cut()                  # all connections are reset (RST), as by a rebooted router
        proxy.refuse()               # whoever connects is refused, as by a host that is up but …
        proxy.accept()               # … again not
        proxy.truncate(1000)         # the next connection ends (FIN) after 1,000 bytes of answers
        proxy.duplicate()            # what the next connection sends first is sent twice
        async with proxy.flapping(0.3, 0.2):   # up for 0.3 s, then cut and refused for 0.2 s, …

Settings may be changed at any time; they hold for what passes from then on.

**Loss** is that of IP packets below a TCP connection: nothing is missing in the end, but whatever
comes after a lost packet waits for its retransmission. Every chunk (`CHUNK` bytes at most) is lost
with that probability, again and again, and each time costs `RETRANSMISSION` seconds, doubled from
one time to the next. `seed` makes it the same in every run.

**Stall**: the proxy stops reading as well, so that the sender's buffers fill up, but until they do
the sender's kernel sees acknowledgements that a cut link would not give.

**Duplicate** is a replay: a second connection to the server gets the same first chunk, and its
answer goes nowhere.

`connections`, `up` (bytes to the server), `down` and `replays` count what has passed.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Self

CHUNK = 16 << 10
RETRANSMISSION = 0.2
LONGEST = 3.2
UNDER_WAY = 256
"""Chunks that are held between the two sides, when they are delayed."""


class Proxy:
    """Listens at `port` and passes everything on to 127.0.0.1:`target`."""

    def __init__(self, target: int, *, seed: int = 1) -> None:
        self.target = target
        self.port = 0
        self.delay = 0.0
        self.jitter = 0.0
        self.bandwidth: float | None = None
        self.loss = 0.0
        self.connections = self.replays = self.up = self.down = 0
        self._random = random.Random(seed)
        self._passing = asyncio.Event()
        self._passing.set()
        self._links: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self._truncated: int | None = None
        self._doubled = 0
        self._listener: socket.socket | None = None
        self._placeholder: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.accept()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.refuse()
        self.cut()
        if self._links:
            await asyncio.wait(self._links)
        if self._placeholder is not None:
            self._placeholder.close()

    # -- faults -------------------------------------------------------------------------------

    def stall(self) -> None:
        """Pass nothing any more, in either direction; connections stay."""
        self._passing.clear()

    def resume(self) -> None:
        """Pass everything again."""
        self._passing.set()

    def cut(self) -> None:
        """Reset every connection that there is, on both sides."""
        for task, writers in self._links.items():
            for writer in writers:
                _reset(writer)
            task.cancel()

    def refuse(self) -> None:
        """Refuse new connections; those that there are stay. The port remains ours."""
        if self._listener is None:
            return
        if self._accepting is not None:
            self._accepting.cancel()
        self._listener.close()
        self._listener = None
        self._placeholder = _bound(self.port)

    def accept(self) -> None:
        """Take new connections."""
        if self._listener is not None:
            return
        self._listener = _bound(self.port)
        self._listener.listen(100)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        if self._placeholder is not None:
            self._placeholder.close()
            self._placeholder = None
        self._accepting = asyncio.ensure_future(self._accept(self._listener))

    def truncate(self, after: int) -> None:
        """End the next connection, both ways, when `after` bytes of answers have passed."""
        self._truncated = after

    def duplicate(self, times: int = 1) -> None:
        """Replay the first chunk of the next `times` connections, each once."""
        self._doubled += times

    @asynccontextmanager
    async def flapping(self, up: float, down: float) -> AsyncIterator[None]:
        """Up for `up` seconds, down for `down`, and so on while in the block; up after it."""

        async def flap() -> None:
            while True:
                await asyncio.sleep(up)
                self.refuse()
                self.cut()
                await asyncio.sleep(down)
                self.accept()

        task = asyncio.ensure_future(flap())
        try:
            yield
        finally:
            task.cancel()
            self.accept()

    # -- inside -------------------------------------------------------------------------------

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            self.connections += 1
            task = asyncio.ensure_future(self._serve(client))
            self._links[task] = []
            task.add_done_callback(partial(self._served, client))

    def _served(self, client: socket.socket, task: asyncio.Task[None]) -> None:
        if not self._links.pop(task, None):
            client.close()  # it was cut before it was anybody's

    async def _serve(self, client: socket.socket) -> None:
        truncated, self._truncated = self._truncated, None
        doubled = self._doubled > 0
        self._doubled -= doubled
        me = asyncio.current_task()
        assert me is not None
        inward, to_client = await asyncio.open_connection(sock=client)
        self._links[me].append(to_client)
        try:
            outward, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _reset(to_client)
            return
        self._links[me].append(to_server)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(inward, to_server, "up", None, doubled))
                group.create_task(self._pump(outward, to_client, "down", truncated, False))
        except* (OSError, _Truncated):
            pass
        finally:
            for writer in (to_client, to_server):
                with suppress(OSError):
                    writer.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        way: str,
        left: int | None,
        doubled: bool,
    ) -> None:
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(UNDER_WAY)

        async def read() -> None:
            due = 0.0
            while True:
                await self._passing.wait()
                data = await reader.read(CHUNK)
                late = self.delay + self._random.uniform(-self.jitter, self.jitter)
                due = max(due, time.monotonic() + late) + self._retransmissions()
                await held.put((due, data))
                if not data:
                    return

        async def write() -> None:
            nonlocal left, doubled
            while True:
                due, data = await held.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if data and self.bandwidth is not None:
                    await asyncio.sleep(len(data) / self.bandwidth)
                await self._passing.wait()
                if not data:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                if doubled:
                    doubled = False
                    await self._replay(data)
                if left is not None:
                    data, left = data[:left], left - len(data)
                writer.write(data)
                setattr(self, way, getattr(self, way) + len(data))
                await writer.drain()
                if left is not None and left <= 0:
                    raise _Truncated

        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            group.create_task(write())

    def _retransmissions(self) -> float:
        """Seconds that a chunk takes longer for all the times that it is lost."""
        waits, wait = 0.0, RETRANSMISSION
        while self.loss and self._random.random() < self.loss:
            waits, wait = waits + wait, min(LONGEST, wait * 2)
        return waits

    async def _replay(self, data: bytes) -> None:
        """Send the same once more, over a connection of its own, and throw the answer away."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target)
        writer.write(data)
        self.replays += 1

        async def ignore() -> None:
            try:
                while await reader.read(CHUNK):
                    pass
            finally:
                writer.close()

        task = asyncio.ensure_future(ignore())
        self._links[task] = [writer]
        task.add_done_callback(lambda done: (self._links.pop(done, None), _seen(done)))


class _Truncated(Exception):
    """As much has passed as was to pass."""


def _seen(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()


def _bound(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
