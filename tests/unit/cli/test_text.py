"""Cells, clipping, and what must not reach a screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runyard.cli.text import clip, count, for_screen, pad, strip_color, width


def test_width_counts_cells() -> None:
    assert width("abc") == 3
    assert width("完成") == 4
    assert width("e\u0301") == 1
    assert width("\x1b[31mred\x1b[0m") == 3


def test_pad_by_cells() -> None:
    assert pad("完", 4) == "完  "
    assert pad("long", 2) == "long"


def test_clip_marks_the_cut() -> None:
    assert clip("abcdef", 4) == "abc…"
    assert clip("abc", 3) == "abc"
    assert clip("完成了", 4) == "完…"
    assert clip("abc", 0) == ""


@given(st.text(), st.integers(0, 20))
def test_clip_always_fits(text: str, columns: int) -> None:
    assert width(clip(text, columns)) <= columns


def test_cursor_movements_are_removed_and_colours_kept() -> None:
    assert for_screen("a\x1b[2J\x1b[1;1Hb") == "ab"
    assert for_screen("\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert for_screen("\x1b[31mred", color=False) == "red"
    assert for_screen("\x1b]0;title\x07text") == "text"
    assert for_screen("bell\x07") == "bell"


def test_carriage_return_leaves_the_last_state() -> None:
    assert for_screen("10%\r50%\r100%") == "100%"
    assert for_screen("done\r") == "done"


def test_tabs_become_spaces() -> None:
    assert for_screen("a\tb") == "a       b"


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_nothing_that_drives_a_terminal_is_left(text: str) -> None:
    shown = strip_color(for_screen(text))
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown if c != "\n")


def test_count() -> None:
    assert count(1, "step") == "1 step"
    assert count(0, "step") == "0 steps"
