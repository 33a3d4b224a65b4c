"""A terminal whose last lines are drawn again and again, while others scroll by above them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from runyard.cli.pipe import Pipe
from runyard.cli.text import clip

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Screen:
    """Writes permanent lines and replaces the lower ones; leaves the terminal as it was."""

    def __init__(self, pipe: Pipe, fd: int = 1) -> None:
        self._pipe = pipe
        self._fd = fd
        self._drawn = 0
        self._hidden = False

    def size(self) -> tuple[int, int]:
        """Columns and rows now; 80 × 24 where the terminal does not say."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            columns, rows = 0, 0
        return columns or 80, rows or 24

    async def draw(self, above: Sequence[str], below: Sequence[str]) -> None:
        """Add the lines `above` for good, then show the lines `below` in place of the old ones.

        Lines below are cut to the width: one that wraps could not be found again.
        """
        columns, rows = self.size()
        shown = [clip(line, columns - 1) for line in below[: max(1, rows - 1)]]
        if shown and self._drawn and not above:
            await self._redraw(shown)
            return
        text = self._erase()
        if shown and not self._hidden:
            text += HIDE
        elif not shown and self._hidden:
            text += SHOW
        self._hidden = bool(shown)
        text += "".join(line + "\n" for line in above)
        text += "\n".join(shown)
        self._drawn = len(shown)
        await self._pipe.write(text)

    async def close(self) -> None:
        """Take the lower lines away and give the cursor back."""
        await self._pipe.write(self._erase() + (SHOW if self._hidden else ""))
        self._drawn, self._hidden = 0, False

    async def _redraw(self, shown: list[str]) -> None:
        """Each line over the old one: nothing is empty in between, so that nothing flickers."""
        text = self._up() + "\x1b[K\n".join(shown) + "\x1b[J"
        self._drawn = len(shown)
        await self._pipe.write(text)

    def _erase(self) -> str:
        return f"{self._up()}\x1b[J" if self._drawn else ""

    def _up(self) -> str:
        """To the beginning of what was drawn."""
        return f"\r\x1b[{self._drawn - 1}A" if self._drawn > 1 else "\r"
