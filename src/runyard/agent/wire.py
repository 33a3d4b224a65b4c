"""A connection to a supervisor whose bytes go through us, at the pace of the slower side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from runyard.hosts.client import Client
from runyard.model.errors import NetworkError

MOST = 1 << 20
"""Bytes that may wait here; then the supervisor has to."""


class Wire(Client):
    """A client that reads nothing: what comes is for another one."""

    def __init__(self) -> None:
        super().__init__()
        self.over = False
        self._link: asyncio.Transport | None = None
        self._waits: list[bytes] = []
        self._size = 0
        self._paused = False
        self._woken = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    async def read(self) -> bytes:
        """What has come; nothing when `wake` was called, or when it is `over`."""
        await self._woken.wait()
        self._woken.clear()
        data = self._waits[0] if len(self._waits) == 1 else b"".join(self._waits)
        self._waits.clear()
        self._size = 0
        if self._paused and self._link is not None and not self.over:
            self._paused = False
            self._link.resume_reading()
        if self.over:
            self._woken.set()
        return data

    def wake(self) -> None:
        """Have `read` return."""
        self._woken.set()

    async def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Pass on, and wait for as long as the supervisor does not take it. Raises NetworkError."""
        if self._link is None or self.over:
            raise NetworkError("the supervisor has left")
        self._link.write(b"".join(parts))
        await self._writable.wait()

    # -- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._link = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._waits.append(data)
        self._size += len(data)
        self._woken.set()
        if self._size >= MOST and not self._paused and self._link is not None:
            self._paused = True
            self._link.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.over = True
        self._woken.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
