"""Head and tail of a long text."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from runyard.runners.clip import clip


def test_short_text_stays() -> None:
    assert clip("äbc", 4) == "äbc"


def test_long_text_keeps_head_and_tail() -> None:
    assert (
        clip("a" * 10 + "b" * 80 + "c" * 10, 20) == "aaaaaaaaaa\n… 80 bytes dropped …\ncccccccccc"
    )


@given(text=st.text(), limit=st.integers(2, 40))
def test_nothing_is_lost_without_being_counted(text: str, limit: int) -> None:
    short = clip(text, limit)
    size = len(text.encode(errors="replace"))
    if size <= limit:
        assert short == text
        return
    head, dropped, tail = re.split(r"\n… (\d+) bytes dropped …\n", short)
    assert len(head.encode()) + int(dropped) + len(tail.encode()) == size
    assert len(head.encode()) + len(tail.encode()) <= limit
