"""What every view of a run can do."""

from __future__ import annotations

from typing import Protocol

from runyard.cli.feed import Item


class View(Protocol):
    """Shows one run. Called from one task, items in order; `close` last, in every case.

    None of the methods raises for a reader that is gone; none blocks the event loop.
    """

    async def show(self, item: Item) -> None:
        """An event or a piece of output has come."""

    async def note(self, text: str) -> None:
        """Say something on our own behalf (a cancellation, a question)."""

    async def ask(self, question: str) -> None:
        """Show `question` and leave the cursor behind it, until `answered`."""

    async def answered(self) -> None:
        """Go on after a question."""

    async def close(self) -> None:
        """Show what is left and give the terminal back."""
