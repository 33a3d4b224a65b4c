"""The live view of a terminal: output scrolls by above, what runs now stays below."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from runyard.cli.feed import Item
from runyard.cli.narrator import MANY, Narrator
from runyard.cli.pipe import Pipe
from runyard.cli.style import Paint
from runyard.cli.text import for_screen
from runyard.cli.views.board import Board
from runyard.cli.views.panel import Panel
from runyard.cli.views.screen import Screen
from runyard.model.event import Event

PERIOD = 0.1
_BATCH = 64 * 1024


class LiveView:
    """Every line once, as in the plain view, and under them a few lines about now.

    The lower part is drawn again at most ten times a second; output between two drawings is
    written together with the next one. While a question is open nothing is drawn: readers wait.
    """

    def __init__(
        self, run_id: str, title: str, pipe: Pipe, paint: Paint, group: int | None = MANY
    ) -> None:
        self._narrator = Narrator(
            paint, clean=lambda line: for_screen(line, color=paint.on), group=group
        )
        self._board = Board(run_id, title)
        self._panel = Panel(paint.on)
        self._screen = Screen(pipe)
        self._lines: list[str] = []
        self._size = 0
        self._free = asyncio.Event()
        self._free.set()
        self._ticker = asyncio.create_task(self._tick())

    async def show(self, item: Item) -> None:
        await self._free.wait()
        lines = self._narrator.tell(item)
        if isinstance(item, Event):
            self._board.see(item)
        else:
            self._board.hear(item)
        self._lines += lines
        self._size += sum(map(len, lines))
        if self._size > _BATCH:
            await self._draw()

    async def note(self, text: str) -> None:
        self._lines.append(text)
        if self._free.is_set():
            await self._draw()

    async def ask(self, question: str) -> None:
        self._free.clear()
        lines, self._lines = self._lines, []
        await self._screen.draw([*lines, question], [])

    async def answered(self) -> None:
        self._free.set()

    async def close(self) -> None:
        self._ticker.cancel()
        with suppress(asyncio.CancelledError):
            await self._ticker
        await self._screen.draw([*self._lines, *self._narrator.finish()], [])
        await self._screen.close()
        self._lines = []

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            if self._free.is_set():
                self._lines += self._narrator.tick(time.monotonic())
                await self._draw()

    async def _draw(self) -> None:
        lines, self._lines, self._size = self._lines, [], 0
        columns, rows = self._screen.size()
        await self._screen.draw(lines, self._panel.lines(self._board, columns, rows))
