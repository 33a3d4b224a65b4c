"""How far something is that takes a while, for whoever shows it meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Counts of work, and who is waited for just now.

    Written by who works, read at any time by who shows it; all in one event loop.

    Attributes:
        total: how much there is to do; 0 until it is known.
        done: how much of it is done.
        waiting: names of hosts that have been asked and have not answered, oldest first.
    """

    def __init__(self, total: int = 0) -> None:
        self.total = total
        self.done = 0
        self.waiting: dict[str, None] = {}

    @contextmanager
    def asking(self, name: str) -> Iterator[None]:
        """`name` is waited for inside, however that ends."""
        self.waiting[name] = None
        try:
            yield
        finally:
            self.waiting.pop(name, None)
