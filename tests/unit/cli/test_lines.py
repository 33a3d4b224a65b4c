"""Chunks to lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runyard.cli.lines import MAX_LINE, LineBuffer

KEY = ("build", "web1", 1, "stdout")


def test_half_lines_wait_for_their_end() -> None:
    buffer = LineBuffer()
    assert buffer.feed(KEY, b"one\ntw") == ["one"]
    assert buffer.feed(KEY, b"o\n\nthree") == ["two", ""]
    assert buffer.finish("build", "web1") == [("stdout", "three")]
    assert buffer.finish("build", "web1") == []


def test_streams_do_not_mix() -> None:
    buffer = LineBuffer()
    other = ("build", "web1", 1, "stderr")
    assert buffer.feed(KEY, b"out") == []
    assert buffer.feed(other, b"err\n") == ["err"]
    assert buffer.feed(KEY, b"put\n") == ["output"]


def test_character_cut_between_chunks() -> None:
    buffer = LineBuffer()
    word = "完成\n".encode()
    assert buffer.feed(KEY, word[:1]) == []
    assert buffer.feed(KEY, word[1:]) == ["完成"]


def test_bytes_that_are_no_text() -> None:
    assert LineBuffer().feed(KEY, b"a\xff\xfeb\n") == ["a\ufffd\ufffdb"]


def test_cut_character_at_the_end_is_told() -> None:
    buffer = LineBuffer()
    assert buffer.feed(KEY, "é".encode()[:1]) == []
    assert buffer.finish_all() == [(KEY, "\ufffd")]


def test_endless_line_is_bounded() -> None:
    buffer = LineBuffer()
    pieces = buffer.feed(KEY, b"x" * (MAX_LINE * 3 + 5))
    assert [len(p) for p in pieces] == [MAX_LINE] * 3
    assert buffer.finish_all() == [(KEY, "xxxxx")]


@given(st.text(alphabet="ab\n完é", max_size=200), st.lists(st.integers(1, 9), max_size=100))
def test_any_cuts_give_the_same_lines(text: str, cuts: list[int]) -> None:
    data, buffer, lines = text.encode(), LineBuffer(), []
    for size in cuts:
        lines += buffer.feed(KEY, data[:size])
        data = data[size:]
    lines += buffer.feed(KEY, data)
    lines += [rest for _, rest in buffer.finish_all()]
    assert "\n".join(lines).rstrip("\n") == text.rstrip("\n")


@given(st.lists(st.integers(1, MAX_LINE * 2), min_size=1, max_size=4))
def test_long_lines_are_cut_at_the_same_places_however_they_come(cuts: list[int]) -> None:
    data = b"x" * (MAX_LINE * 2) + b"\n" + b"y" * (MAX_LINE + 1) + b"\nz\n"
    whole, buffer, lines = LineBuffer().feed(KEY, data), LineBuffer(), []
    for size in cuts:
        lines += buffer.feed(KEY, data[:size])
        data = data[size:]
    assert lines + buffer.feed(KEY, data) == whole
    assert [len(line) for line in whole] == [MAX_LINE, MAX_LINE, MAX_LINE, 1, 1]
