"""Reading one spool file from a position on, as far as it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from runyard.model.ids import attempt_id
from runyard.model.light import dataclass
from runyard.store.spool import HEADER

BLOCK = 64 * 1024
STREAMS = {1: "stdout", 2: "stderr"}
NUMBERS = {name: number for number, name in STREAMS.items()}


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """One piece of output as it arrived.

    Attributes:
        stream: `stdout` or `stderr`. offset: of `data` within that stream.
        at: seconds since 1970, by the clock of whoever spooled it.
        next: where to go on in this attempt's spool: `after={chunk.attempt: chunk.next}`.
    """

    run_id: str
    step: str
    host: str
    n: int
    stream: str
    offset: int
    at: float
    data: bytes
    next: int

    @property
    def attempt(self) -> str:
        """The id of the attempt."""
        return attempt_id(self.run_id, self.step, self.host, self.n)


class Tail:
    """A position in the spool of one attempt. Holds no file open between blocks."""

    __slots__ = ("_key", "_run_id", "path", "position")

    def __init__(
        self, run_id: str, key: tuple[str, str, int], path: Path, position: int = 0
    ) -> None:
        self._run_id = run_id
        self._key = key
        self.path = path
        self.position = position

    @property
    def attempt(self) -> str:
        """The id of the attempt."""
        return attempt_id(self._run_id, *self._key)

    def first_at(self) -> float | None:
        """Time of the next record in seconds, or None when there is none yet."""
        header = self._read(HEADER.size)
        return HEADER.unpack(header)[4] / 1000 if len(header) == HEADER.size else None

    def size(self) -> int:
        """Bytes in the file now."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def chunks(self, stream: str | None = None) -> Iterator[OutputChunk]:
        """The complete records from here to the end of the file; moves the position."""
        want = NUMBERS[stream] if stream else 0
        size = BLOCK
        while True:
            block = self._read(size)
            start = at = 0
            while at + HEADER.size <= len(block):
                number, _, _, length, when, offset = HEADER.unpack_from(block, at)
                if number not in STREAMS:
                    return
                end = at + HEADER.size + length
                if end > len(block):
                    break
                self.position += end - at
                if want in (0, number):
                    name, data = STREAMS[number], block[at + HEADER.size : end]
                    yield OutputChunk(
                        self._run_id, *self._key, name, offset, when / 1000, data, self.position
                    )
                at = end
            if len(block) < size:
                return
            # A record longer than the block: read all of it the next time.
            need = HEADER.unpack_from(block, at)[3] + HEADER.size if at == start else 0
            size = max(BLOCK, need)

    def _read(self, size: int) -> bytes:
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            return os.pread(fd, size, self.position)
        finally:
            os.close(fd)
