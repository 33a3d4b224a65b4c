"""Our ends of the pipes of an attempt: a Source is read from, a Sink is written to."""

from __future__ import annotations

import errno
import os
from collections import deque
from fcntl import fcntl

from .loop import READ, WRITE, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

F_SETPIPE_SZ = 1031  # fcntl names it from Python 3.10 on; an error elsewhere than on Linux

CHUNK = 1 << 18
PIPE = 1 << 16
PIPE_GROWN = 1 << 20
MAX_PENDING = 64 << 20

_chunk = bytearray(CHUNK)
_view = memoryview(_chunk)
_buffers = [_chunk]


class Source:
    """Reads what a process writes and hands it on at once; never waits for anybody."""

    def __init__(self, loop: Loop, fd: int, take: Callable[[memoryview], None]) -> None:
        self._loop = loop
        self._fd = fd
        self._take = take
        self._grown = False
        loop.watch(fd, READ, self._ready)

    @property
    def open(self) -> bool:
        return self._fd >= 0

    def drain(self, most: int = 16 * CHUNK) -> None:
        """Read what is there now, without waiting for those who hold the pipe open."""
        while self._fd >= 0 and most > 0:
            size = self._read()
            if size <= 0:
                return
            most -= size

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.unwatch(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _ready(self, _events: int) -> None:
        self._read()

    def _read(self) -> int:
        """Bytes read, 0 at the end of the stream, -1 when nothing is there."""
        try:
            size = os.readv(self._fd, _buffers)
        except BlockingIOError:
            return -1
        except OSError as error:
            if error.errno != errno.EIO:  # what a terminal says when its last user has left
                raise
            size = 0
        if size == 0:
            self.close()
            return 0
        self._take(_view[:size])
        if size >= PIPE and not self._grown:
            self._grow()
        return size

    def _grow(self) -> None:
        # Only for those who write a lot: the kernel grants a user few pages of pipes in all.
        self._grown = True
        try:
            fcntl(self._fd, F_SETPIPE_SZ, PIPE_GROWN)
        except OSError:
            pass


class Sink:
    """Writes to a process's stdin as fast as it reads; remembers who waits for what."""

    def __init__(self, loop: Loop, fd: int, terminal: bool) -> None:
        self._loop = loop
        self._fd = fd
        self._terminal = terminal
        self._pending: deque[memoryview] = deque()
        self._size = 0
        self._waiting: list[tuple[int, Callable[[], None]]] = []
        self._ending = False
        self._watched = False
        self._written = 0
        self._queued = 0

    @property
    def open(self) -> bool:
        return self._fd >= 0 and not self._ending

    def write(self, data: bytes, done: Callable[[], None]) -> bool:
        """Queue `data`; `done` is called when the process has room for all of it, or is gone.

        False when too much is queued already.
        """
        if self._size + len(data) > MAX_PENDING:
            return False
        if data:
            self._pending.append(memoryview(data))
            self._size += len(data)
            self._queued += len(data)
        self._waiting.append((self._queued, done))
        self._flush(0)
        return True

    def end(self) -> None:
        """Let the process see the end of its input once everything queued is written."""
        if self._ending:
            return
        self._ending = True
        if self._terminal and self._fd >= 0:
            self._pending.append(memoryview(b"\x04"))
            self._size += 1
            self._queued += 1
        self._flush(0)

    def close(self) -> None:
        """Give up whatever is still queued."""
        if self._fd >= 0:
            if self._watched:
                self._loop.unwatch(self._fd)
            os.close(self._fd)
            self._fd = -1
        self._pending.clear()
        self._size = 0
        waiting, self._waiting = self._waiting, []
        for _, done in waiting:
            done()

    def _flush(self, _events: int) -> None:
        try:
            while self._pending and self._fd >= 0:
                piece = self._pending[0]
                size = os.write(self._fd, piece)
                self._written += size
                self._size -= size
                if size == len(piece):
                    self._pending.popleft()
                else:
                    self._pending[0] = piece[size:]
        except BlockingIOError:
            if not self._watched:
                self._loop.watch(self._fd, WRITE, self._flush)
                self._watched = True
        except OSError:
            self.close()
            return
        while self._waiting and self._waiting[0][0] <= self._written:
            self._waiting.pop(0)[1]()
        if not self._pending:
            if self._watched:
                self._loop.unwatch(self._fd)
                self._watched = False
            if self._ending and not self._terminal:
                self.close()
