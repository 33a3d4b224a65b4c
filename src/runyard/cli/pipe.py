"""Writing to stdout without ever letting a slow or vanished reader stop a run."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque

MAX_WAITING = 1 << 20


class Pipe:
    """A descriptor written by a thread of its own.

    `write` waits (without blocking the loop) while more than 1 MiB is not yet taken, so a reader
    that sleeps slows down only its own view. When the reader is gone, `closed` becomes True,
    `error` says why, and everything written from then on is dropped. Order is kept; `close`
    writes out what waits.
    """

    def __init__(self, fd: int = 1) -> None:
        self.closed = False
        self.error: OSError | None = None
        self._fd = fd
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._lock = threading.Condition()
        self._room = asyncio.Event()
        self._room.set()
        self._drained = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="stdout", daemon=True)
        self._thread.start()

    async def write(self, text: str) -> None:
        """Hand over `text`; returns at once while there is room."""
        await self.send(text.encode("utf-8", "replace"))

    async def send(self, data: bytes) -> None:
        """The same with bytes."""
        if self.closed or not data:
            return
        await self._room.wait()
        with self._lock:
            self._waiting.append(data)
            self._size += len(data)
            if self._size > MAX_WAITING:
                self._room.clear()
            self._lock.notify()

    async def close(self) -> None:
        """Wait until everything is written or the reader is gone."""
        with self._lock:
            self._ended = True
            self._lock.notify()
        await self._drained.wait()

    def raise_error(self) -> None:
        """Raise what has closed it, if anything has."""
        if self.error is not None:
            raise self.error

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._waiting and not self._ended:
                    self._lock.wait()
                batch = b"".join(self._waiting)
                self._waiting.clear()
                self._size = 0
                ended = self._ended and not batch
            if ended:
                self._tell(self._drained)
                return
            self._put(batch)
            self._tell(self._room)

    def _put(self, batch: bytes) -> None:
        view = memoryview(batch)
        while view and not self.closed:
            try:
                view = view[os.write(self._fd, view[: 1 << 16]) :]
            except BlockingIOError:
                import select

                select.select([], [self._fd], [])
            except OSError as error:
                self.error = error
                self.closed = True

    def _tell(self, event: asyncio.Event) -> None:
        try:
            self._loop.call_soon_threadsafe(event.set)
        except RuntimeError:
            return
