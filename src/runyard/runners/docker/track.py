"""What was read of one stream, so that reading its log from the beginning goes on where it was."""

from __future__ import annotations

from collections.abc import Callable

WINDOW = 1 << 20
"""Bytes of the latest output that are compared: a daemon that dies has not yet logged all of it."""


class Track:
    """The bytes of one stream that were taken, as a number, and the latest of them themselves.

    A daemon that dies takes with it what it has passed on and not yet logged: there is a gap in
    its log, and what follows comes earlier in it.
    """

    def __init__(self) -> None:
        self.taken = 0
        self._latest = bytearray()
        self._gaps: list[tuple[int, int]] = []  # position and size, of what was taken

    def take(self, data: bytes) -> None:
        """The next bytes."""
        self.taken += len(data)
        self._latest += data
        if len(self._latest) > 2 * WINDOW:
            del self._latest[:-WINDOW]

    def beyond_gap(self, at: int) -> int:
        """`at`, or where the gap ends that begins there."""
        for begin, size in self._gaps:
            if begin == at:
                at += size
        return at

    def next_gap(self, at: int) -> int | None:
        """Where the first gap behind `at` begins."""
        return next((begin for begin, _ in self._gaps if begin > at), None)

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
        self._gaps.append((begin + line, len(gone)))
        return gone[: at - begin - line], gone


class Replay:
    """One reading of a log: leaves out what was taken before, and tells `lose` what it lacks."""

    def __init__(self, track: Track, lose: Callable[[bytes], None]) -> None:
        self._track = track
        self._lose = lose
        self._at = 0

    def new(self, data: bytes) -> bytes:
        """What of the next bytes of the log is new; they count as taken from now on."""
        fresh = []
        while data:
            self._at = self._track.beyond_gap(self._at)
            gap = self._track.next_gap(self._at)
            piece = data if gap is None else data[: gap - self._at]
            data = data[len(piece) :]
            fresh.append(self._piece(piece))
        return b"".join(fresh)

    def _piece(self, data: bytes) -> bytes:
        track, at = self._track, self._at
        self._at += len(data)
        known = data[: max(0, track.taken - at)]
        same = track.compare(at, known) if known else 0
        fresh = data[same:]
        if same < len(known):
            begun, gone = track.cut(at + same)
            self._lose(gone)
            fresh = begun + fresh
        if fresh:
            track.take(fresh)
            self._at = track.taken
        return fresh
