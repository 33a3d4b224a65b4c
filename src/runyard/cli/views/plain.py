"""Lines for a pipe, a file, or a reader that is no terminal."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress

import click

from runyard.cli.feed import Item
from runyard.cli.narrator import Narrator
from runyard.cli.pipe import Pipe

PERIOD = 0.5
SILENCE = 10.0
"""Seconds without a line after which a step on many hosts says how far it is."""


class PlainView:
    """Every line once, whole, in order; our own notes go to stderr."""

    def __init__(self, narrator: Narrator, pipe: Pipe, *, quiet: bool = False) -> None:
        self._narrator = narrator
        self._pipe = pipe
        self._quiet = quiet
        self._silent_since = time.monotonic()
        self._patience = SILENCE
        self._ticker: asyncio.Task[None] | None = None

    async def show(self, item: Item) -> None:
        await self._write(self._narrator.tell(item))
        if self._ticker is None and self._narrator.is_grouping and not self._quiet:
            self._ticker = asyncio.create_task(self._tick())

    async def note(self, text: str) -> None:
        tell(text)

    async def ask(self, question: str) -> None:
        tell(question, end=" ")

    async def answered(self) -> None:
        return

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticker
        await self._write(self._narrator.finish())

    async def _write(self, lines: list[str]) -> None:
        if lines and not self._quiet:
            self._silent_since = time.monotonic()
            self._patience = SILENCE
            await self._pipe.write("\n".join(lines) + "\n")

    async def _tick(self) -> None:
        """While a step on many hosts keeps its output back: say what must not wait."""
        while self._narrator.is_grouping:
            now = time.monotonic()
            await self._write(self._narrator.tick(now))
            if now - self._silent_since > self._patience:
                patience = self._patience
                await self._write(self._narrator.progress())
                self._patience = min(60.0, patience * 2)
            await asyncio.sleep(PERIOD)
        self._ticker = None


def tell(text: str, end: str = "\n") -> None:
    """Print on stderr, if anybody listens there."""
    try:
        click.echo(text + end, err=True, nl=False)
        sys.stderr.flush()
    except (OSError, ValueError):
        return
