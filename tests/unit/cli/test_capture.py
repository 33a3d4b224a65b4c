"""What is kept of a host's output."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runyard.cli.capture import Capture

LINES = st.lists(st.text("ab", max_size=3), max_size=30)


def of(*lines: str, stream: str = "stdout", limit: int = 16 * 1024) -> Capture:
    capture = Capture(limit)
    capture.add(stream, lines)
    return capture


@given(LINES, LINES)
def test_equal_keys_are_equal_outputs(one: list[str], two: list[str]) -> None:
    assert (of(*one).key == of(*two).key) == (one == two)


@given(LINES, st.lists(st.integers(1, 5), max_size=20))
def test_the_key_does_not_depend_on_how_lines_arrive(lines: list[str], cuts: list[int]) -> None:
    pieces, rest = Capture(), lines
    for size in cuts:
        if rest:
            pieces.add("stdout", rest[:size])
        rest = rest[size:]
    if rest:
        pieces.add("stdout", rest)
    assert pieces.key == (of(*lines).key if lines else ())


def test_streams_are_told_apart_and_their_order_among_each_other_is_chance() -> None:
    assert of("x").key != of("x", stream="stderr").key
    one, two = of("x"), of("e", stream="stderr")
    one.add("stderr", ["e"])
    two.add("stdout", ["x"])
    assert one.key == two.key
    assert [line.text for line in two.kept] == ["e", "x"]


@given(st.lists(st.text("ab", max_size=400), min_size=1, max_size=300), st.integers(256, 4096))
def test_memory_is_bounded_and_all_lines_are_counted(lines: list[str], limit: int) -> None:
    capture = of(*lines, limit=limit)
    assert capture.count == len(lines)
    assert sum(len(line.text) + 160 for line in capture.kept) <= limit + 2 * (limit // 4 + 161)
    assert capture.kept[0].text[:50] == lines[0][:50]
    assert capture.kept[-1].text[:50] == lines[-1][:50]


def test_head_and_tail_are_shown_with_the_number_between() -> None:
    capture = of(*map(str, range(1000)))
    head, left, tail = capture.shown(9)
    assert [line.text for line in head] == ["0", "1", "2", "3", "4", "5"]
    assert [line.text for line in tail] == ["997", "998", "999"]
    assert left == 991
    assert of("a", "b").shown(9)[1:] == (0, [])


@given(st.integers(0, 400), st.integers(3, 250))
def test_shown_lines_and_those_left_out_are_all(lines: int, most: int) -> None:
    head, left, tail = of(*map(str, range(lines))).shown(most)
    assert len(head) + left + len(tail) == lines
    assert len(head) + len(tail) <= most
    assert [line.number for line in head] == list(range(len(head)))
    assert [line.number for line in tail] == list(range(lines - len(tail), lines))
