"""Frames: 4 bytes of length, 4 bytes of header length, a JSON header, a binary payload.

The first length counts everything after itself. Both are big-endian and bounded.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Header = dict[str, Any]
    Frame = tuple[Header, bytes]

MAX_FRAME = 96 << 20
MAX_HEADER = 4 << 20


class FrameError(Exception):
    """The bytes received are no frame; the connection cannot be used any more."""


def encode(header: Header, payload: bytes = b"") -> bytes:
    """One frame. Raises FrameError when it is larger than a receiver accepts."""
    head = json.dumps(header).encode("ascii")
    total = 4 + len(head) + len(payload)
    if len(head) > MAX_HEADER or total > MAX_FRAME:
        raise FrameError("frame of %d bytes is too large" % total)
    return total.to_bytes(4, "big") + len(head).to_bytes(4, "big") + head + payload


class Decoder:
    """Cuts a stream of bytes into frames. `max_frame` may lower the bound for one's own peers."""

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._max = max_frame

    def feed(self, data: bytes) -> list[Frame]:
        """Frames completed by `data`. Raises FrameError on the first bad one."""
        buffer = self._buffer
        buffer += data
        frames = []
        start = 0
        while len(buffer) - start >= 8:
            total = int.from_bytes(buffer[start : start + 4], "big")
            size = int.from_bytes(buffer[start + 4 : start + 8], "big")
            if total > self._max or size > MAX_HEADER or size + 4 > total:
                raise FrameError("frame lengths %d and %d are out of bounds" % (total, size))
            if len(buffer) - start < 4 + total:
                break
            middle = start + 8 + size
            with memoryview(buffer) as view:
                header = _header(bytes(view[start + 8 : middle]))
                frames.append((header, bytes(view[middle : start + 4 + total])))
            start += 4 + total
        if start:
            del buffer[:start]
        return frames


def _header(raw: bytes) -> Header:
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FrameError("header is not JSON") from error
    if not isinstance(header, dict):
        raise FrameError("header is not a JSON object")
    return header
