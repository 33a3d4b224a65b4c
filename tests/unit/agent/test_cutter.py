from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.agent.cutter import Cutter, Head
from runyard.supervisor.frames import MAX_FRAME, Decoder, FrameError, encode

FRAMES = st.lists(
    st.tuples(
        st.dictionaries(st.text(max_size=5), st.integers(), max_size=3), st.binary(max_size=50)
    ),
    max_size=6,
)


def cut(cutter: Cutter, data: bytes) -> bytes:
    return b"".join(
        piece.whole() if isinstance(piece, Head) else bytes(piece) for piece in cutter.feed(data)
    )


@given(FRAMES, st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_what_is_cut_goes_on_as_it_came(frames: list[Any], sizes: list[int]) -> None:
    stream = b"".join(encode(header, payload) for header, payload in frames)
    cutter, heads, out, at = Cutter(), [], b"", 0
    while at < len(stream):
        size = sizes[len(out) % len(sizes)]
        for piece in cutter.feed(stream[at : at + size]):
            if isinstance(piece, Head):
                heads.append((piece.read(), piece.payload))
                out += piece.whole()
            else:
                out += piece
        at += size
    assert out == stream
    assert cutter.at_border
    assert heads == [(header, len(payload)) for header, payload in frames]


def test_a_header_can_be_replaced_before_its_payload() -> None:
    cutter = Cutter()
    (head, *rest) = list(cutter.feed(encode({"a": 1}, b"payload")))
    assert isinstance(head, Head)
    stream = head.but({"longer": "header"}) + b"".join(bytes(piece) for piece in rest)  # type: ignore[arg-type]
    assert Decoder().feed(stream) == [({"longer": "header"}, b"payload")]


def test_payloads_are_not_kept() -> None:
    cutter = Cutter()
    frame = encode({}, b"x" * 1000)
    assert cut(cutter, frame[:500]) == frame[:500]
    assert not cutter.at_border
    assert cut(cutter, frame[500:]) == frame[500:]
    assert cutter.at_border


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 8,
        (MAX_FRAME + 1).to_bytes(4, "big") + b"\0\0\0\2",
        b"\0\0\0\5" + b"\0\0\0\2",
        b"GET / HTTP/1.1\r\n",
    ],
)
def test_bytes_that_are_no_frames(data: bytes) -> None:
    with pytest.raises(FrameError):
        list(Cutter().feed(data))


@pytest.mark.parametrize("raw", [b"[]", b"{", b"\xff\xff", b"[" * 100_000])
def test_headers_that_are_none(raw: bytes) -> None:
    with pytest.raises(FrameError):
        Head(raw, 0).read()


def test_a_header_that_is_too_large() -> None:
    with pytest.raises(FrameError):
        Head(b"{}", MAX_FRAME - 8).but({"a": "x" * 100})
