"""Frames of the daemon's streams, and the line ends that its log loses."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from runyard.runners.docker.demux import Demux, Healer

PIECE = 16 * 1024


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20)), max_size=10),
       st.integers(1, 40))  # fmt: skip
def test_frames_come_out_however_they_are_cut(frames: list[tuple[int, bytes]], size: int) -> None:
    data = b"".join(frame(stream, payload) for stream, payload in frames)
    demux, found = Demux(), []
    for at in range(0, len(data), size):
        found += list(demux.feed(data[at : at + size]))
    assert found == frames


def pieces(text: bytes, *, heals: bool) -> list[bytes]:
    """What a log keeps of `text`: lines, long ones in pieces, whose last may lack its line end."""
    found: list[bytes] = []
    for line in text.splitlines(keepends=True):
        body = line.removesuffix(b"\n")
        long = len(body) >= PIECE
        while len(body) >= PIECE:
            found.append(body[:PIECE])
            body = body[PIECE:]
        end = line.endswith(b"\n") and (heals or not long)
        if body or end or (long and line.endswith(b"\n")):
            found.append(body + b"\n" * end)
    return found


def healed(text: bytes, *, heals: bool) -> bytes:
    healer = Healer()
    return b"".join(healer.heal(1, piece) for piece in pieces(text, heals=heals))


def test_lost_line_ends_are_given_back() -> None:
    for size in (PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 5):
        text = b"a\n" + b"x" * size + b"\n\n" + b"y" * size + b"\nend\n"
        assert healed(text, heals=False) == text, size
        assert healed(text, heals=True) == text, size


def test_streams_do_not_concern_each_other() -> None:
    healer = Healer()
    assert healer.heal(1, b"x" * PIECE) == b"x" * PIECE
    assert healer.heal(1, b"rest") == b"rest"
    assert healer.heal(2, b"other\n") == b"other\n"
    assert healer.heal(1, b"next\n") == b"\nnext\n"
