"""The daemon's stream of two streams: frames of a header and bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_HEADER = struct.Struct(">BxxxL")
_PIECE = 16 * 1024


class Demux:
    """Takes bytes as they come, gives (stream, bytes): 1 is stdout, 2 is stderr."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The frames that are complete now."""
        self._data += data
        at, size = 0, len(self._data)
        while size - at >= _HEADER.size:
            stream, length = _HEADER.unpack_from(self._data, at)
            end = at + _HEADER.size + length
            if end > size:
                break
            yield stream, bytes(self._data[at + _HEADER.size : end])
            at = end
        del self._data[:at]


class Healer:
    """Gives a log kept by the daemon the line ends back that its driver has lost.

    The log is kept by lines, in pieces of 16 KiB of those that are longer, and some daemons
    forget the line end after the last piece. A shorter piece without one that is followed by
    another frame of its stream had one. Whether the very last line of all had one cannot be told.
    """

    def __init__(self) -> None:
        self._cut = {1: False, 2: False}

    def heal(self, stream: int, data: bytes) -> bytes:
        """A frame of a stream, in order."""
        before = b"\n" if self._cut.get(stream) else b""
        self._cut[stream] = not data.endswith(b"\n") and len(data) != _PIECE
        return before + data
