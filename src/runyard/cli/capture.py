"""What one host printed in one step: a digest of everything, and the first and last lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

LIMIT = 16 * 1024
_OVERHEAD = 160
"""What a line counts for beside its text, so that many short ones are bounded, too."""


class Line(NamedTuple):
    """The line `number` (from 0) of a stream."""

    stream: str
    number: int
    text: str


class _Stream:
    __slots__ = ("count", "digest")

    def __init__(self) -> None:
        self.count = 0
        self.digest = blake2b(digest_size=16)


class Capture:
    """Lines in order of arrival, of which about `limit` characters are kept: two thirds at the
    beginning, the rest at the end. Digests and counts are of all lines, each stream by itself:
    how the two streams of a process interleave is chance.
    """

    __slots__ = ("_head", "_limit", "_room", "_streams", "_tail", "_tail_size")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._room = limit * 2 // 3
        self._head: list[Line] = []
        self._tail: deque[Line] = deque()
        self._tail_size = 0
        self._streams: dict[str, _Stream] = {}

    def add(self, stream: str, texts: Sequence[str]) -> list[Line]:
        """Take lines in; returns them as lines."""
        known = self._streams.get(stream)
        if known is None:
            known = self._streams[stream] = _Stream()
        known.digest.update("".join([f"{text}\n" for text in texts]).encode("utf-8", "replace"))
        number = known.count
        known.count += len(texts)
        lines = [Line(stream, number + i, text) for i, text in enumerate(texts)]
        for at, line in enumerate(lines):
            if self._room <= 0:
                # No more than these fit into the tail, whatever is in them.
                self._keep_last(lines[at:][-(self._limit // _OVERHEAD) :])
                break
            kept = self._clipped(line)
            self._room -= len(kept.text) + _OVERHEAD
            self._head.append(kept)
        return lines

    @property
    def key(self) -> tuple[tuple[str, int, bytes], ...]:
        """Equal for equal output."""
        return tuple((s, k.count, k.digest.digest()) for s, k in sorted(self._streams.items()))

    @property
    def count(self) -> int:
        """How many lines there were."""
        return sum(stream.count for stream in self._streams.values())

    @property
    def kept(self) -> list[Line]:
        """The lines that are still known."""
        return [*self._head, *self._tail]

    def shown(self, most: int) -> tuple[list[Line], int, list[Line]]:
        """The first lines, the number of those left out, the last lines; `most` of at least 3."""
        if self.count <= most and self.count == len(self._head) + len(self._tail):
            return self.kept, 0, []
        head = self._head[: most - most // 3]
        tail = self.kept[len(head) :][-(most // 3) :]
        return head, self.count - len(head) - len(tail), tail

    def _keep_last(self, lines: list[Line]) -> None:
        for line in lines:
            kept = self._clipped(line)
            self._tail.append(kept)
            self._tail_size += len(kept.text) + _OVERHEAD
        while self._tail_size > self._limit // 3 and len(self._tail) > 1:
            self._tail_size -= len(self._tail.popleft().text) + _OVERHEAD

    def _clipped(self, line: Line) -> Line:
        most = self._limit // 4
        return line if len(line.text) <= most else line._replace(text=line.text[:most] + "…")
