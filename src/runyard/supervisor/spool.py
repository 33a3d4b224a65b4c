"""The spool of an attempt: both streams in one file, in order of arrival.

A record is a header (stream, flags, 0, length, milliseconds since 1970, offset of the payload in
its own stream) and the payload. Readers ignore a torn last record. A stream's offset may jump:
the bytes between were dropped because the disk was full.
"""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    Bytes = bytes | memoryview

RECORD = struct.Struct(">BBHIQQ")
NAME_LENGTH = 180

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


def quote(text: str) -> str:
    """`text` with everything but letters, digits and `_.-~` as %XX of its UTF-8."""
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(b) if b in _SAFE else "%%%02X" % b for b in raw)


def safe_name(text: str) -> str:
    """`text` as the name of a file of its own: quoted, and cut with a digest when too long."""
    name = quote(text)
    if len(name) > NAME_LENGTH:
        import hashlib

        name = name[:NAME_LENGTH] + "+" + hashlib.sha256(text.encode()).hexdigest()[:16]
    return name


class Spool:
    """Appends records to a file that is created with the first of them."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        self.dropped = 0
        self.trouble = ""
        self._fd = -1

    def append(self, stream: int, data: Bytes, offset: int, now: float) -> None:
        """Add a record; when it cannot be written, drop it whole and count it."""
        size = len(data)
        header = RECORD.pack(stream, 0, 0, size, int(now * 1000), offset)
        try:
            if self._fd < 0:
                self._open()
            written = os.writev(self._fd, (header, data))
            if written < RECORD.size + size:
                self._rest(header, data, written)
        except OSError as error:
            self.dropped += size
            self.trouble = error.strerror or str(error)
            self._cut()
            return
        self.size += RECORD.size + size

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            self._fd = os.open(self.path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self.path), 0o700, exist_ok=True)
            self._fd = os.open(self.path, flags, 0o600)
        self.size = os.fstat(self._fd).st_size

    def _rest(self, header: bytes, data: Bytes, written: int) -> None:
        whole = memoryview(header + bytes(data))
        while written < len(whole):
            written += os.write(self._fd, whole[written:])

    def _cut(self) -> None:
        if self._fd >= 0:
            try:
                os.ftruncate(self._fd, self.size)
            except OSError as error:
                self.trouble = error.strerror or str(error)


def read_records(
    fd: int, position: int, limit: int
) -> tuple[list[tuple[int, int, int, bytes]], int]:
    """Whole records from file `position`, about `limit` bytes, and the position after them.

    Each is (stream, milliseconds, offset in its stream, payload). A record larger than `limit`
    is returned alone; a torn one ends the list.
    """
    data = os.pread(fd, max(limit, RECORD.size), position)
    if len(data) >= RECORD.size:
        need = RECORD.size + RECORD.unpack_from(data)[3]
        if need > len(data):
            data += os.pread(fd, need - len(data), position + len(data))
    records = []
    at = 0
    while len(data) - at >= RECORD.size:
        stream, _, _, size, when, offset = RECORD.unpack_from(data, at)
        end = at + RECORD.size + size
        if end > len(data):
            break
        records.append((stream, when, offset, data[at + RECORD.size : end]))
        at = end
    return records, position + at
