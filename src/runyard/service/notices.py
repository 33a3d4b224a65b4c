"""Telling a notifier of every status change, in order, without ever delaying the run."""

from __future__ import annotations

import asyncio
import logging

from runyard.model.event import NewEvent
from runyard.model.run import Notifier
from runyard.store.journal import Journal, Notice

log = logging.getLogger("runyard.notify")
RETRY, DELAY = 2, 0.5
PATIENCE = 30.0


class Courier:
    """Delivers a run's notices (contract 1, "Notifier").

    Each is tried `1 + retry` times, `delay` seconds apart; a failure is journaled as
    `last_notify_error` and changes nothing else. A try that takes longer than `patience` seconds
    is given up, and is not repeated: a receiver that hangs must not keep us. What was not
    delivered when we died is delivered by the next life.
    """

    def __init__(
        self,
        notifier: Notifier,
        journal: Journal,
        *,
        retry: int = RETRY,
        delay: float = DELAY,
        patience: float = PATIENCE,
    ) -> None:
        self._notifier = notifier
        self._journal = journal
        self._retry = retry
        self._delay = delay
        self._patience = patience

    async def follow(self, run_id: str, epoch: int) -> None:
        """Deliver until the run is final and everything was told."""
        async for event in self._journal.follow(run_id):
            if event.type.endswith((".started", ".finished", ".reached", ".queued", ".resumed")):
                await self._drain(run_id, epoch)
        await self._drain(run_id, epoch)

    async def _drain(self, run_id: str, epoch: int) -> None:
        for notice in await self._journal.notices(run_id):
            error = await self._deliver(notice)
            if error:
                log.warning("notifier: %s", error)
                failed = NewEvent("notify.failed", data={"error": error, "seq": notice.seq})
                await self._journal.commit(run_id, epoch, [failed])
            await self._journal.delivered(run_id, notice.seq)

    async def _deliver(self, notice: Notice) -> str:
        """Empty when it was taken, else the last error."""
        error = ""
        for attempt in range(self._retry + 1):
            if attempt:
                await asyncio.sleep(self._delay)
            clock = asyncio.timeout(self._patience)
            try:
                async with clock:
                    await self._notifier.notify(dict(notice.payload))
            except Exception as failure:
                if clock.expired():
                    return f"no answer within {self._patience:g} s"
                error = f"{type(failure).__name__}: {failure}"
            else:
                return ""
        return error
