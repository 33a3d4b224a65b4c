"""Finds the borders of frames in a stream that passes by, without keeping their payloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from runyard.model.light import dataclass
from runyard.supervisor.frames import MAX_FRAME, MAX_HEADER, FrameError


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a frame: its header as it came, and how long the payload is."""

    raw: bytes
    payload: int

    def read(self) -> dict[str, Any]:
        """The header. Raises FrameError."""
        try:
            header = json.loads(self.raw)
        except (ValueError, RecursionError) as error:
            raise FrameError("header is not JSON") from error
        if not isinstance(header, dict):
            raise FrameError("header is not a JSON object")
        return header

    def whole(self) -> bytes:
        """As it came: lengths and header."""
        return _lengths(len(self.raw), self.payload) + self.raw

    def but(self, header: dict[str, Any]) -> bytes:
        """The same in front of the same payload with another header. Raises FrameError."""
        raw = json.dumps(header).encode("ascii")
        if len(raw) > MAX_HEADER or 4 + len(raw) + self.payload > MAX_FRAME:
            raise FrameError("frame is too large")
        return _lengths(len(raw), self.payload) + raw


def _lengths(header: int, payload: int) -> bytes:
    return (4 + header + payload).to_bytes(4, "big") + header.to_bytes(4, "big")


class Cutter:
    """Cuts a stream into heads and pieces of payloads. Holds one unfinished head, at most."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._payload = 0
        self._left = 0

    def feed(self, data: bytes) -> Iterator[Head | memoryview]:
        """What `data` completes: each head is followed by the pieces of its payload.

        All of it has to be taken. Raises FrameError when the bytes are no frames.
        """
        view = memoryview(data)
        while view:
            if self._left:
                piece = view[: self._left]
                self._left -= len(piece)
                view = view[len(piece) :]
                yield piece
                continue
            taken = self._missing()
            self._buffer += view[:taken]
            view = view[taken:]
            if len(self._buffer) >= 8 and not self._missing():
                head = Head(bytes(self._buffer[8:]), self._payload)
                self._buffer.clear()
                self._left = head.payload
                yield head

    @property
    def at_border(self) -> bool:
        """True when all that was given out are whole frames."""
        return not self._left

    def _missing(self) -> int:
        """Bytes until something can be told. Raises FrameError."""
        buffer = self._buffer
        if len(buffer) < 8:
            return 8 - len(buffer)
        total = int.from_bytes(buffer[:4], "big")
        size = int.from_bytes(buffer[4:8], "big")
        if total > MAX_FRAME or size > MAX_HEADER or size + 4 > total:
            raise FrameError(f"frame lengths {total} and {size} are out of bounds")
        self._payload = total - 4 - size
        return 8 + size - len(buffer)
