"""Tells followers that there may be something new: at once from here, by polling from others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager

from runyard.model.errors import StoreError
from runyard.model.event import Event

NEWEST = 1000
BUSY = 0.010
IDLE = 0.100
PATIENCE = 1.0


class Bell:
    """Rings for one follower, and hands over what was committed here since it was last asked."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._fresh: deque[Event] = deque(maxlen=NEWEST)

    def ring(self, events: Iterable[Event] = ()) -> None:
        """Wake the follower; of many events only the newest are kept for it."""
        self._fresh.extend(events)
        self._rung.set()

    def take(self) -> list[Event]:
        """Events that were committed here, in order; to be asked for before `wait`."""
        self._rung.clear()
        fresh = list(self._fresh)
        self._fresh.clear()
        return fresh

    async def wait(self) -> None:
        """Until it has rung since the last `take`."""
        await self._rung.wait()


class Wakeups:
    """Bells of the followers of one journal, by topic: the events or the controls of a run.

    `version` gives a number that is another one when a different process has written; it is
    asked every 10 ms, and more seldom (up to 100 ms) when nothing has happened for a second, as
    long as somebody follows. None: no other process can write.
    """

    def __init__(self, version: Callable[[], Awaitable[int]] | None) -> None:
        self._version = version
        self._bells: dict[str, list[Bell]] = {}
        self._poller: asyncio.Task[None] | None = None

    @contextmanager
    def listen(self, topic: str) -> Iterator[Bell]:
        """A bell for one follower: take, read, and only then wait for it."""
        bell = Bell()
        self._bells.setdefault(topic, []).append(bell)
        if self._poller is None and self._version is not None:
            self._poller = asyncio.get_running_loop().create_task(self._poll(self._version))
        try:
            yield bell
        finally:
            bells = self._bells[topic]
            bells.remove(bell)
            if not bells:
                del self._bells[topic]
            if not self._bells:
                self._stop()

    def wake(self, topic: str, events: Iterable[Event] = ()) -> None:
        """Ring the bells of a topic; `events` are those just committed, in order."""
        for bell in self._bells.get(topic, ()):
            bell.ring(events)

    def wake_all(self) -> None:
        """Ring every bell."""
        for topic in list(self._bells):
            self.wake(topic)

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
