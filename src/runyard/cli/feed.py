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
Attempt = tuple[str, str, int]


class Sequencer:
    """Holds the end of an attempt back until all of its output has passed.

    Events keep their order among themselves; output passes at once. Whoever feeds it calls
    `release` when nothing has come for a while: output can be missing (a full disk, a file
    removed), and then the end is told nevertheless.
    """

    def __init__(self) -> None:
        self._held: deque[Event] = deque()
        self._printed: dict[Attempt, dict[str, int]] = {}
        self._wanted: dict[Attempt, int] = {}

    @property
    def holding(self) -> bool:
        """True while the end of an attempt waits for output."""
        return bool(self._held)

    def push(self, item: Item) -> list[Item]:
        """What may be told now that `item` has come."""
        if isinstance(item, OutputChunk):
            printed = self._printed.setdefault((item.step, item.host, item.n), {})
            printed[item.stream] = item.offset + len(item.data)
            return [item, *self._ready()]
        if (attempt := end_of(item)) is not None:
            result = item.data.get("result") or {}
            self._wanted[attempt] = int(result.get("output_bytes") or 0)
        self._held.append(item)
        return list(self._ready())

    def release(self) -> list[Item]:
        """Everything that is held."""
        return [self._pass() for _ in range(len(self._held))]

    def _ready(self) -> list[Item]:
        ready: list[Item] = []
        while self._held and self._complete(self._held[0]):
            ready.append(self._pass())
        return ready

    def _pass(self) -> Event:
        event = self._held.popleft()
        if (attempt := end_of(event)) is not None:
            self._printed.pop(attempt, None)
            self._wanted.pop(attempt, None)
        elif event.type == "step.finished":
            # What came after the end of its attempt is waited for by nobody.
            for late in [each for each in self._printed if each[0] == event.step]:
                del self._printed[late]
        return event

    def _complete(self, event: Event) -> bool:
        """Whether all was printed that belongs before `event`."""
        attempt = end_of(event)
        if attempt is None:
            return True
        return sum(self._printed.get(attempt, {}).values()) >= self._wanted.get(attempt, 0)


def end_of(event: Event) -> Attempt | None:
    """The attempt whose end `event` tells, if it does."""
    if event.type not in ("result.reached", "attempt.finished"):
        return None
    n = event.data.get("n") or (event.data.get("result") or {}).get("attempt")
    return event.step, event.host, int(n or 0)


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
