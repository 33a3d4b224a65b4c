"""What tasks write, read from their spools while they run (contract 2, `/status`)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from runyard.agent.envelope import Text
from runyard.store.spool import spool_path
from runyard.store.tail import Tail

MOST = 1 << 20
"""Bytes of each stream in one answer."""

_SCAN = 32 << 20
_PLACES = 512

Offsets = Mapping[str, int]


class _Part:
    """One stream as far as it has been collected."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.data = bytearray()
        self.full = False

    @property
    def end(self) -> int:
        """Offset behind what was collected."""
        return self.offset + len(self.data)

    def take(self, offset: int, data: bytes) -> bool:
        """Collect what of a record is wanted; False when not all of that had room."""
        rest = data[max(0, self.end - offset) :]
        if not rest:
            return True
        if offset > self.end:
            if self.data:  # a gap: what comes behind it is for the next answer
                self.full = True
                return False
            self.offset = offset
        room = MOST - len(self.data)
        self.data += rest[:room]
        self.full = self.full or len(rest) > room
        return not self.full

    def text(self, *, whole: bool, more: bool) -> Text:
        """What was collected; unless `whole`, without a character that is not complete yet."""
        data = bytes(self.data)
        more = more or self.full
        if more or not whole:
            data = data[: len(data) - _incomplete(data)]
        end = self.offset + len(data)
        return Text(data.decode(errors="replace"), self.offset, end, more)


def _incomplete(data: bytes) -> int:
    """Bytes at the end that begin a character of UTF-8 and do not end it."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < length else 0
        if byte < 0x80:
            return 0
    return 0


class LiveOutput:
    """Reads spools below `runs`. Remembers where in a file the next answers will begin."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._places: OrderedDict[tuple[str, int, int], int] = OrderedDict()

    def folder(self, attempt: str) -> Path:
        """The directory that the spool of `attempt` is in."""
        return self._runs / attempt.partition("/")[0] / "output"

    def path(self, attempt: str) -> Path:
        """The spool of `attempt`. Raises OSError."""
        return spool_path(self.folder(attempt), attempt)

    def size(self, attempt: str) -> int:
        """Bytes of the spool now."""
        return Tail("", ("", "", 0), self.path(attempt)).size()

    async def read(
        self, attempt: str, offsets: Offsets | None = None, *, whole: bool = False
    ) -> dict[str, Text]:
        """Both streams from `offsets` (default 0) on, at most MOST bytes of each.

        `whole`: nothing will be added any more.
        """
        wanted = offsets or {}
        begin = (attempt, wanted.get("stdout", 0), wanted.get("stderr", 0))
        place = self._places.get(begin, 0)
        found, place = await asyncio.to_thread(self._collect, begin, place, whole)
        ends = (attempt, found["stdout"].next, found["stderr"].next)
        self._places[ends] = place
        self._places.move_to_end(ends)
        if len(self._places) > _PLACES:
            self._places.popitem(last=False)
        return found

    def _collect(
        self, begin: tuple[str, int, int], place: int, whole: bool
    ) -> tuple[dict[str, Text], int]:
        attempt, *starts = begin
        parts = dict(zip(("stdout", "stderr"), map(_Part, starts), strict=True))
        tail = Tail("", ("", "", 0), self.path(attempt), place)
        first_left = -1
        before, more = place, False
        for chunk in tail.chunks():
            if not parts[chunk.stream].take(chunk.offset, chunk.data) and first_left < 0:
                first_left = before
            before = chunk.next
            if all(part.full for part in parts.values()) or before - place > _SCAN:
                more = True
                break
        texts = {name: part.text(whole=whole, more=more) for name, part in parts.items()}
        if any(texts[name].next < part.end for name, part in parts.items()):
            return texts, place  # the beginning of a character is read again
        return texts, before if first_left < 0 else first_left
