"""Why a container is to end, and how soon."""

from __future__ import annotations

import asyncio

OUTPUT = "limit:output"


class Orders:
    """The first reason stays; a later order with less grace hurries it, others change nothing."""

    def __init__(self) -> None:
        self.why = ""
        self.grace = 0.0
        self.hurried = False
        self._over = False
        self._news = asyncio.Event()

    def give(self, why: str, grace: float) -> None:
        """Have it end with `grace` seconds between the polite signal and SIGKILL."""
        if (self.why and grace >= self.grace) or (self._over and why != OUTPUT):
            return
        self.hurried = bool(self.why)
        self.why, self.grace = self.why or why, max(0.0, grace)
        self._news.set()

    def close(self) -> None:
        """It has ended: nobody can order it to any more. Its last output may yet be too much."""
        self._over = True

    async def next(self) -> None:
        """Wait for an order that was not waited for before."""
        await self._news.wait()
        self._news.clear()
