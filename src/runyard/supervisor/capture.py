"""Head and tail of a stream, for the result record."""

from __future__ import annotations

from collections import deque

MAX_CAPTURE = 4 << 20


class Capture:
    """Keeps the first and the last half of `limit` bytes of what passes by."""

    def __init__(self, limit: int) -> None:
        limit = max(0, min(limit, MAX_CAPTURE))
        self._first = limit - limit // 2
        self._last = limit // 2
        self._head = b""
        self._tail: deque[bytes] = deque()
        self._kept = 0
        self.total = 0

    def add(self, data: bytes | memoryview) -> None:
        size = len(data)
        self.total += size
        room = self._first - len(self._head)
        if room > 0:
            self._head += bytes(data[:room])
            if size <= room:
                return
            data = data[room:]
            size -= room
        if size >= self._last:
            self._tail.clear()
            self._kept = 0
            data = data[size - self._last :]
        piece = bytes(data)
        tail = self._tail
        # Many small pieces cost more in objects than in bytes: join them as they come.
        if tail and len(tail[-1]) + len(piece) <= 4096:
            tail[-1] += piece
        else:
            tail.append(piece)
        self._kept += len(piece)
        while tail and self._kept - len(tail[0]) >= self._last:
            self._kept -= len(tail.popleft())

    def text(self) -> str:
        """What was kept, cut at borders of characters, the dropped bytes counted between."""
        tail = b"".join(self._tail)
        tail = tail[max(0, len(tail) - self._last) :]
        if len(self._head) + len(tail) >= self.total:
            return (self._head + tail).decode("utf-8", "replace")
        head = _whole_end(self._head)
        tail = _whole_start(tail)
        dropped = self.total - len(head) - len(tail)
        return "%s\n… %d bytes dropped …\n%s" % (
            head.decode("utf-8", "replace"),
            dropped,
            tail.decode("utf-8", "replace"),
        )


def _whole_end(data: bytes) -> bytes:
    """`data` without a character begun but not finished at its end."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        need = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return data[:-back] if need > back else data
    return data


def _whole_start(data: bytes) -> bytes:
    """`data` without the rest of a character at its start."""
    for at in range(min(3, len(data))):
        if data[at] & 0xC0 != 0x80:
            return data[at:]
    return data[3:]
