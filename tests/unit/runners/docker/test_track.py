"""Reading a log again from its beginning gives what was not taken, and nothing twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.runners.docker import track
from runyard.runners.docker.track import Replay, Track

# Lines that differ, as of a program that counts; some have a beginning in common.
LINES = [b"line %d\n" % n for n in range(1, 60)]
CUTS = st.lists(st.integers(1, 30), min_size=1, max_size=40)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` in pieces of these sizes, again and again."""
    found, at, turn = [], 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)]
        found.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return found


def replay(to: Track, log: bytes, cuts: list[int], lost: list[bytes]) -> bytes:
    again = Replay(to, lost.append)
    return b"".join(again.new(piece) for piece in pieces(log, cuts))


@given(st.integers(0, 400), CUTS, CUTS)
def test_what_came_live_is_left_out(live: int, cuts: list[int], again: list[int]) -> None:
    whole, lost, to = b"".join(LINES), list[bytes](), Track()
    for piece in pieces(whole[:live], cuts):
        to.take(piece)
    assert replay(to, whole, again, lost) == whole[live:]
    assert replay(to, whole, cuts, lost) == b""
    assert (to.taken, lost) == (len(whole), [])


@given(st.integers(0, 25), st.integers(1, 15), CUTS, CUTS)
def test_what_the_daemon_took_with_it_is_told_and_costs_nothing_else(
    logged: int, gone: int, cuts: list[int], again: list[int]
) -> None:
    """Lines that came live are not in the log."""
    before, missing, after = LINES[:logged], LINES[logged : logged + gone], LINES[logged + gone :]
    live = b"".join(before + missing)
    log = b"".join(before + after)
    lost, to = list[bytes](), Track()
    to.take(live)
    fresh = replay(to, log, again, lost)
    assert live + fresh == live + b"".join(after)
    assert b"".join(lost) == b"".join(missing)
    # Once more, as after another break; and the end of it comes only now.
    assert replay(to, log + b"more\n", cuts, lost) == b"more\n"
    assert b"".join(lost) == b"".join(missing)
    # It dies once more, and has logged of what came since only the first line.
    to.take(b"never logged\n")
    assert replay(to, log + b"more\nand more\n", again, lost) == b"and more\n"
    assert lost[-1] == b"never logged\n"
    assert replay(to, log + b"more\nand more\n", cuts, lost) == b""


def test_a_line_that_is_not_whole_yet_goes_on() -> None:
    to, lost = Track(), list[bytes]()
    to.take(b"one\ntw")
    assert Replay(to, lost.append).new(b"one\n") == b""
    assert Replay(to, lost.append).new(b"one\ntwo\n") == b"o\n"
    assert lost == []


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track, "WINDOW", 100)
    to, lost = Track(), list[bytes]()
    whole = b"".join(b"%d\n" % n for n in range(1000))
    for piece in pieces(whole, [7]):
        to.take(piece)
    assert len(to._latest) <= 200
    assert replay(to, whole + b"new\n", [13], lost) == b"new\n"
