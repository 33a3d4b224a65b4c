"""Copies of spools that other machines hold: the same bytes at the same offsets, each once."""

from __future__ import annotations

from pathlib import Path

from runyard.model.errors import StoreError
from runyard.model.light import dataclass
from runyard.store.spoolwriter import SpoolWriter


@dataclass(frozen=False, slots=True)
class _Copy:
    ends: dict[int, int]
    dropped: int = 0
    trouble: str = ""


class SpoolCopies:
    """Takes records as they come over a wire, in any life of the dispatcher, and from any offset.

    What comes twice is written once. A record that cannot be written is dropped whole and counted:
    readers see the gap, and `trouble` tells.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer = SpoolWriter()
        self._copies: dict[str, _Copy] = {}

    def offsets(self, attempt: str) -> dict[str, int]:
        """How much of each stream is here: where to go on."""
        ends = self._copy(attempt).ends
        return {"stdout": ends[1], "stderr": ends[2]}

    def take(self, attempt: str, stream: int, offset: int, at: int, data: bytes) -> None:
        """Add a record; `at` is milliseconds since 1970, by the clock of its host."""
        copy = self._copy(attempt)
        skip = max(0, copy.ends[stream] - offset)
        if skip >= len(data):
            return
        rest = data[skip:] if skip else data
        try:
            self._writer.append_at(self._folder, attempt, stream, rest, offset + skip, at / 1000)
        except StoreError as error:
            copy.dropped += len(rest)
            copy.trouble = error.message
        copy.ends[stream] = offset + len(data)

    def trouble(self, attempt: str) -> str:
        """What the user should know about the copy of `attempt`, or an empty string."""
        copy = self._copies.get(attempt)
        if copy is None or not copy.dropped:
            return ""
        return f"{copy.dropped} bytes of output could not be kept here: {copy.trouble}"

    def done(self, attempt: str) -> None:
        """Nothing more will come of `attempt`."""
        self._copies.pop(attempt, None)
        self._writer.release(attempt)

    def close(self) -> None:
        """Close the files. Idempotent."""
        self._writer.close()

    def _copy(self, attempt: str) -> _Copy:
        copy = self._copies.get(attempt)
        if copy is None:
            copy = self._copies[attempt] = _Copy(self._writer.offsets(self._folder, attempt))
        return copy
