"""The streams of a command in a container as a transport of asyncio."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiodocker.stream import Stream

_TOLD: Final = 4096
_STDOUT: Final = 1


class Pipe(asyncio.Transport):
    """Passes stdout to `protocol` as it comes, and what the protocol writes to stdin.

    Attributes:
        told: the last of stderr. said: the first of stdout.
        ended: set when the command, or the way to it, is gone.
    """

    def __init__(self, stream: Stream, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.told = b""
        self.said = b""
        self.ended = asyncio.Event()
        self._stream = stream
        self._protocol = protocol
        self._outbox: deque[bytes] = deque()
        self._more = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()
        self._closing = False
        protocol.connection_made(self)
        self._reader = asyncio.ensure_future(self._read())
        self._writer = asyncio.ensure_future(self._write())

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self._outbox.append(bytes(data))
            self._more.set()

    def close(self) -> None:
        """Pass on what was written, then leave."""
        self._closing = True
        self._more.set()

    def abort(self) -> None:
        """Leave at once."""
        self._closing = True
        self._reader.cancel()

    def is_closing(self) -> bool:
        return self._closing or self.ended.is_set()

    def pause_reading(self) -> None:
        self._open.clear()

    def resume_reading(self) -> None:
        self._open.set()

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self._outbox))

    async def _read(self) -> None:
        from aiohttp import ClientError

        lost: Exception | None = None
        try:
            while (message := await self._stream.read_out()) is not None:
                if message.stream == _STDOUT:
                    if len(self.said) < _TOLD:
                        self.said += message.data[:_TOLD]
                    self._protocol.data_received(message.data)
                else:
                    self.told = (self.told + message.data)[-_TOLD:]
                await self._open.wait()
        except (ClientError, OSError) as error:
            lost = error
        finally:
            self._writer.cancel()
            self.ended.set()
            self._protocol.connection_lost(lost)
            with suppress(ClientError, OSError):
                await self._stream.close()

    async def _write(self) -> None:
        from aiohttp import ClientError

        try:
            while True:
                while self._outbox:
                    await self._stream.write_in(self._outbox.popleft())
                if self._closing:
                    break
                self._more.clear()
                await self._more.wait()
        except (ClientError, OSError, RuntimeError):
            pass  # the reader finds out as well, and tells
        if self._closing:
            self._reader.cancel()
