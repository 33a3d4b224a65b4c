"""Head and tail of a stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runyard.supervisor.capture import MAX_CAPTURE, Capture


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(0, 60))
def test_kept_is_head_and_tail(pieces: list[bytes], limit: int) -> None:
    capture = Capture(limit)
    for piece in pieces:
        capture.add(memoryview(piece))
    data = b"".join(pieces)
    assert capture.total == len(data)
    if len(data) <= limit:
        assert capture.text() == data.decode("utf-8", "replace")
    else:
        head, rest = capture.text().split("\n… ", 1)
        count, tail = rest.split(" bytes dropped …\n", 1)
        assert int(count) >= len(data) - limit
        if data.isascii():
            first = limit - limit // 2
            assert (head, tail) == (
                data[:first].decode(),
                data[len(data) - limit // 2 :].decode(),
            )


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), st.integers(0, 50))
def test_characters_are_never_cut(text: str, limit: int) -> None:
    capture = Capture(limit)
    for byte in text.encode():
        capture.add(bytes([byte]))
    if "\ufffd" not in text:
        assert "\ufffd" not in capture.text()


def test_many_small_pieces_stay_few_objects() -> None:
    capture = Capture(64 * 1024)
    for _ in range(200_000):
        capture.add(b"a\n")
    assert len(capture._tail) < 20
    assert Capture(1 << 40)._first + Capture(1 << 40)._last == MAX_CAPTURE
