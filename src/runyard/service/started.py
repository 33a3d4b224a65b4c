"""A run that goes on in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from runyard.model.result import StepResult
from runyard.model.run import RunRecord
from runyard.service.run_task import RunTask, Signals


class Started:
    """Handle of a run: wait for it, or stop it."""

    def __init__(self, task: RunTask, signals: Signals, epoch: int) -> None:
        self.run_id = task.run_id
        self.epoch = epoch
        self._task = task
        self._signals = signals
        self._work = asyncio.ensure_future(task.execute())
        self._readers: list[asyncio.Task[None]] = []

    @property
    def results(self) -> Sequence[StepResult]:
        """All results in their order; empty while the run goes on."""
        return self._task.results

    def add_reader(self, reader: asyncio.Task[None]) -> None:
        """Something that `wait` also waits for: it reads the run's events to their end."""
        self._readers.append(reader)

    async def wait(self) -> RunRecord:
        """The run's record at its end. A failed run is a record, not an exception.

        Raises:
            StoreError: the end could not be written down.
        """
        record = await asyncio.shield(self._work)
        await asyncio.gather(*self._readers, return_exceptions=True)
        return record

    async def finish(self) -> RunRecord:
        """`wait`, with the caller's own cancellation made the run's: cleanly, then at once.

        Raises:
            CancelledError: the caller was cancelled; the run has ended by then.
        """
        try:
            return await self.wait()
        except asyncio.CancelledError:
            self.cancel("the caller was cancelled")
            await self.wait()
            raise

    def cancel(self, reason: str = "canceled") -> None:
        """Stop cleanly: TERM, grace, KILL; `finally` steps run. Idempotent."""
        if not self._signals.halt.requested:
            self._signals.halt.request(reason)

    def kill(self, reason: str = "killed") -> None:
        """Stop at once: no grace, no `finally` steps."""
        self._signals.halt.request(reason)
        self._signals.kill.request(reason)
