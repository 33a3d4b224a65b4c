"""Lines for a pipe, a file, or a reader that is no terminal."""

from __future__ import annotations

import sys

import click

from runyard.cli.feed import Item
from runyard.cli.narrator import Narrator
from runyard.cli.pipe import Pipe


class PlainView:
    """Every line once, whole, in order; our own notes go to stderr."""

    def __init__(self, narrator: Narrator, pipe: Pipe, *, quiet: bool = False) -> None:
        self._narrator = narrator
        self._pipe = pipe
        self._quiet = quiet

    async def show(self, item: Item) -> None:
        lines = self._narrator.tell(item)
        if lines and not self._quiet:
            await self._pipe.write("\n".join(lines) + "\n")

    async def note(self, text: str) -> None:
        tell(text)

    async def ask(self, question: str) -> None:
        tell(question, end=" ")

    async def answered(self) -> None:
        return

    async def close(self) -> None:
        lines = self._narrator.finish()
        if lines and not self._quiet:
            await self._pipe.write("\n".join(lines) + "\n")


def tell(text: str, end: str = "\n") -> None:
    """Print on stderr, if anybody listens there."""
    try:
        click.echo(text + end, err=True, nl=False)
        sys.stderr.flush()
    except (OSError, ValueError):
        return
