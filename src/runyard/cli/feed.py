"""Events and output of a run as one sequence, in the order in which a person wants to read it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from runyard.model.event import Event
from runyard.store.tail import OutputChunk

PATIENCE = 0.3
_WAITING = 256


Item = Event | OutputChunk


class Sequencer:
    """Holds an attempt's result back until all of its output has passed.

    Events keep their order among themselves; output passes at once. Whoever feeds it calls
    `release` when nothing has come for a while: output can be missing (a full disk, a file
    removed), and then the result is told nevertheless.
    """

    def __init__(self) -> None:
        self._held: deque[Event] = deque()
        self._seen: dict[tuple[str, str, int], int] = {}

    @property
    def holding(self) -> bool:
        """True while a result waits for output."""
        return bool(self._held)

    def push(self, item: Item) -> list[Item]:
        """What may be told now that `item` has come."""
        if isinstance(item, OutputChunk):
            key = (item.step, item.host, item.n)
            self._seen[key] = self._seen.get(key, 0) + len(item.data)
            return [item, *self._ready()]
        self._held.append(item)
        return list(self._ready())

    def release(self) -> list[Item]:
        """Everything that is held."""
        held = list(self._held)
        self._held.clear()
        return list(held)

    def _ready(self) -> list[Item]:
        ready: list[Item] = []
        while self._held and self._complete(self._held[0]):
            ready.append(self._held.popleft())
        return ready

    def _complete(self, event: Event) -> bool:
        if event.type not in ("result.reached", "attempt.finished"):
            return True
        result = event.data.get("result") or {}
        wanted = int(result.get("output_bytes") or 0)
        attempt = int(event.data.get("n") or result.get("attempt") or 0)
        if self._seen.get((event.step, event.host, attempt), 0) < wanted:
            return False
        self._seen.pop((event.step, event.host, attempt), None)
        return True


async def merge(
    events: AsyncIterator[Event], output: AsyncIterator[OutputChunk], *, patience: float = PATIENCE
) -> AsyncIterator[Item]:
    """Both sources until both have ended; raises what a source raises.

    `patience` is how long, in seconds, a result waits when no output comes any more.
    """
    queue: asyncio.Queue[Item | BaseException | None] = asyncio.Queue(_WAITING)
    pumps = [
        asyncio.create_task(_pump(events, queue)),
        asyncio.create_task(_pump(output, queue)),
    ]
    sequencer = Sequencer()
    running = len(pumps)
    try:
        while running:
            try:
                async with asyncio.timeout(patience if sequencer.holding else None):
                    item = await queue.get()
            except TimeoutError:
                for held in sequencer.release():
                    yield held
                continue
            if isinstance(item, BaseException):
                raise item
            if item is None:
                running -= 1
                continue
            for ready in sequencer.push(item):
                yield ready
        for held in sequencer.release():
            yield held
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(
    source: AsyncIterator[Item], queue: asyncio.Queue[Item | BaseException | None]
) -> None:
    try:
        async for item in source:
            await queue.put(item)
        await queue.put(None)
    except Exception as error:
        await queue.put(error)
