"""What was read of one stream, so that reading its log from the beginning goes on where it was."""

from __future__ import annotations

from collections.abc import Callable

WINDOW = 1 << 20
"""Bytes of the latest output that are compared: a daemon that dies has not yet logged all of it."""


class Track:
    """The bytes of one stream that were taken, as a number, and the latest of them themselves.

    `lost` counts bytes that were taken while they were written, and that the daemon took with it
    when it died before they were in its log: there they are missing, and what follows them comes
    earlier.
    """

    def __init__(self) -> None:
        self.taken = 0
        self.lost = 0
        self._latest = bytearray()

    def take(self, data: bytes) -> None:
        """The next bytes."""
        self.taken += len(data)
        self._latest += data
        if len(self._latest) > 2 * WINDOW:
            del self._latest[:-WINDOW]

    def compare(self, at: int, data: bytes) -> int:
        """How many bytes of `data` are those that were taken from position `at` on."""
        begin = self.taken - len(self._latest)
        skip = max(0, begin - at)  # longer ago than the daemon could lose
        ours = memoryview(self._latest)[max(0, at - begin) :]
        theirs = memoryview(data)[skip:]
        size = min(len(ours), len(theirs))
        if ours[:size] == theirs[:size]:
            return min(len(data), skip + size)
        return skip + next(i for i in range(size) if ours[i] != theirs[i])

    def cut(self, at: int) -> tuple[bytes, bytes]:
        """The log goes on differently from position `at`; its lines are whole.

        Returns what was taken of the line at `at`, which the log has once more for the new line,
        and all that the log has lost.
        """
        begin = self.taken - len(self._latest)
        line = self._latest.rfind(b"\n", 0, at - begin) + 1
        gone = bytes(self._latest[line:])
        self.lost += len(gone)
        return gone[: at - begin - line], gone


class Replay:
    """One reading of a log: leaves out what was taken before, and tells `lose` what it lacks."""

    def __init__(self, track: Track, lose: Callable[[bytes], None]) -> None:
        self._track = track
        self._lose = lose
        self._at = 0

    def new(self, data: bytes) -> bytes:
        """What of the next bytes of the log is new; they count as taken from now on."""
        track = self._track
        at = self._at + track.lost
        self._at += len(data)
        before = track.taken - at
        if before <= 0:
            fresh = data
        else:
            same = track.compare(at, data[:before])
            if same == min(len(data), before):
                fresh = data[same:]
            else:
                begun, gone = track.cut(at + same)
                self._lose(gone)
                fresh = begun + data[same:]
        if fresh:
            track.take(fresh)
        return fresh
