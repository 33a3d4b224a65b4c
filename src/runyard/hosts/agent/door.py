"""A WebSocket to an agent as the transport of a Client: the same frames as on a unix socket."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from socket import SHUT_RDWR
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

    from runyard.hosts.client import Client

PIECE = 1 << 20
"""Bytes of one message at most; requests that wait are joined up to it."""

GOODBYE = 2.0
"""Seconds for the other side to say goodbye as well."""


class Door:
    """Frames are a stream of bytes: where messages begin and end means nothing.

    Gives what arrives to `client`, in order, and tells it when the connection is lost, once.
    """

    def __init__(self, socket: ClientWebSocketResponse, client: Client) -> None:
        self._socket = socket
        self._client = client
        self._waiting: deque[bytes | memoryview] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._closing = False
        client.connection_made(cast(asyncio.BaseTransport, self))
        self._reader = asyncio.ensure_future(self._read())

    # -- what a Client asks of its transport

    def write(self, data: bytes) -> None:
        """Send `data` after what was given before. Never waits."""
        if self._closing:
            return
        self._waiting.append(data)
        if self._writer is None:
            self._writer = asyncio.ensure_future(self._write())

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        return sum(len(each) for each in self._waiting)

    def close(self) -> None:
        """Say goodbye, after what waits to be sent. Idempotent."""
        if not self._closing:
            self._closing = True
            if self._writer is None:
                self._writer = asyncio.ensure_future(self._write())

    def abort(self) -> None:
        """Leave without waiting for anything. Idempotent."""
        self._closing = True
        self._waiting.clear()
        self._reader.cancel()

    @property
    def left(self) -> bool:
        """True when nothing of the connection is left."""
        return self._reader.done() and self._writer is None

    async def gone(self) -> None:
        """Wait until the connection has gone, after `close` or `abort`."""
        await asyncio.gather(
            self._reader, *([self._writer] if self._writer else []), return_exceptions=True
        )

    # -- inside

    async def _read(self) -> None:
        from aiohttp import WSMsgType

        socket, take, error = self._socket, self._client.data_received, None
        try:
            while True:
                message = await socket.receive()
                if message.type is not WSMsgType.BINARY:
                    error = message.data if message.type is WSMsgType.ERROR else None
                    break
                take(message.data)
        except asyncio.CancelledError:
            pass  # an abort: nobody waits for us
        finally:
            self._closing = True
            self._client.connection_lost(error if isinstance(error, Exception) else None)
            await self._goodbye()

    async def _write(self) -> None:
        from aiohttp import ClientError

        try:
            while self._waiting:
                await self._socket.send_bytes(self._next())
        except (ClientError, OSError):
            self._waiting.clear()  # the reader finds out as well, and tells
        self._writer = None
        if self._closing:
            await self._goodbye()

    async def _goodbye(self) -> None:
        """Close the WebSocket; a peer that does not answer is not waited for."""
        plug = self._socket.get_extra_info("socket")
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await self._socket.close()
        if plug is not None:  # TLS has a goodbye of its own, and would wait for the other's
            with suppress(OSError):
                plug.shutdown(SHUT_RDWR)

    def _next(self) -> bytes:
        """As much of what waits as fits into one message."""
        first = self._waiting.popleft()
        if len(first) > PIECE:
            view = memoryview(first)
            self._waiting.appendleft(view[PIECE:])
            return bytes(view[:PIECE])
        if not self._waiting:
            return bytes(first)
        parts, size = [first], len(first)
        while self._waiting and size + len(self._waiting[0]) <= PIECE:
            parts.append(self._waiting.popleft())
            size += len(parts[-1])
        return b"".join(parts)
