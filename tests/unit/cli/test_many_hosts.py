"""What showing a run costs grows with its hosts, and no faster."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from runyard.cli.feed import Item, Sequencer
from runyard.cli.narrator import Narrator
from runyard.cli.style import Paint
from runyard.cli.views.board import Board
from tests.unit.cli.items import RUN, chunk, event, result, started


def story(hosts: int) -> list[Item]:
    """Everybody begins, then everybody prints, then everybody ends: the worst order."""
    names = [f"web{n}" for n in range(hosts)]
    items: list[Item] = [started("build", *names)]
    items += [event("attempt.started", "build", name, n=1) for name in names]
    items += [chunk(b"one\n" + name.encode(), host=name) for name in names]
    items += [result("build", name, output_bytes=4 + len(name)) for name in names]
    return [*items, event("step.finished", "build", status="success")]


def calls(hosts: int) -> int:
    """Calls of functions, of built-in ones as well, to show a step on so many hosts."""
    items, made = story(hosts), 0

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    sequencer, narrator, board = Sequencer(), Narrator(Paint()), Board(RUN, "t")
    lines: list[str] = []
    sys.setprofile(count)
    try:
        for number, item in enumerate(items):
            for ready in sequencer.push(item):
                lines += narrator.tell(ready)
                board.hear(ready) if hasattr(ready, "stream") else board.see(ready)
            if number % (hosts // 10) == 0:
                lines += narrator.tick(number * 30 / len(items))
    finally:
        sys.setprofile(None)
    assert lines[-1] == f"= {hosts} success"
    assert f"web{hosts - 1} | web{hosts - 1}" in lines
    return made


def test_calls_grow_with_the_hosts() -> None:
    calls(50)
    assert calls(2000) < 5 * calls(500)
