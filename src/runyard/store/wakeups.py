"""Tells followers that there may be something new: at once from here, by polling from others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from runyard.model.errors import StoreError

BUSY = 0.010
IDLE = 0.100
PATIENCE = 1.0


class Wakeups:
    """Bells of the followers of one journal, by run.

    `version` gives a number that is another one when a different process has written; it is
    asked every 10 ms, and more seldom (up to 100 ms) when nothing has happened for a second, as
    long as somebody follows. None: no other process can write.
    """

    def __init__(self, version: Callable[[], Awaitable[int]] | None) -> None:
        self._version = version
        self._bells: dict[str, list[asyncio.Event]] = {}
        self._poller: asyncio.Task[None] | None = None

    @contextmanager
    def listen(self, run_id: str) -> Iterator[asyncio.Event]:
        """A bell for one follower: clear it, read, and only then wait for it."""
        bell = asyncio.Event()
        self._bells.setdefault(run_id, []).append(bell)
        if self._poller is None and self._version is not None:
            self._poller = asyncio.get_running_loop().create_task(self._poll(self._version))
        try:
            yield bell
        finally:
            bells = self._bells[run_id]
            bells.remove(bell)
            if not bells:
                del self._bells[run_id]
            if not self._bells:
                self._stop()

    def wake(self, run_id: str) -> None:
        """Ring the bells of a run."""
        for bell in self._bells.get(run_id, ()):
            bell.set()

    def wake_all(self) -> None:
        """Ring every bell."""
        for run_id in list(self._bells):
            self.wake(run_id)

    def _stop(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            self._poller = None

    async def _poll(self, version: Callable[[], Awaitable[int]]) -> None:
        seen: int | None = None
        quiet, pause = 0.0, BUSY
        while True:
            try:
                now = await version()
            except StoreError:
                # Each follower meets the same error in its own read, and can say so.
                self.wake_all()
                return
            if now != seen:
                seen, quiet, pause = now, 0.0, BUSY
                self.wake_all()
            elif quiet > PATIENCE:
                pause = min(IDLE, pause * 1.5)
            await asyncio.sleep(pause)
            quiet += pause
