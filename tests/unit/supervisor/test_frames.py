"""Frames: cut anywhere, refused when bad."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.supervisor.frames import MAX_FRAME, MAX_HEADER, Decoder, FrameError, encode

HEADERS = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3)


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=50)), max_size=5), st.integers(1, 64))
def test_frames_come_back_however_they_are_cut(
    frames: list[tuple[dict[str, object], bytes]], size: int
) -> None:
    data = b"".join(encode(header, payload) for header, payload in frames)
    decoder = Decoder()
    found = []
    for at in range(0, len(data), size):
        found += decoder.feed(data[at : at + size])
    assert found == frames


@given(st.binary(min_size=8, max_size=200))
def test_junk_is_refused_or_waited_for(data: bytes) -> None:
    decoder = Decoder(max_frame=1000)
    try:
        decoder.feed(data)
    except FrameError:
        return
    assert len(decoder._buffer) <= 1004


def test_bounds() -> None:
    with pytest.raises(FrameError):
        encode({"a": "x" * MAX_HEADER})
    with pytest.raises(FrameError):
        encode({}, bytes(MAX_FRAME))
    with pytest.raises(FrameError):
        Decoder().feed((MAX_FRAME + 1).to_bytes(4, "big") + bytes(4))
    with pytest.raises(FrameError):
        Decoder().feed(b"\0\0\0\x0c\0\0\0\x08" + b"[1,2,3] ")
    deep = b"[" * 100_000
    with pytest.raises(FrameError):
        Decoder().feed((len(deep) + 4).to_bytes(4, "big") + len(deep).to_bytes(4, "big") + deep)
