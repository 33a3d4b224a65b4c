"""Keeping an injected run store up to date with the journal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from runyard.model.errors import ConflictError
from runyard.model.run import RunStore
from runyard.store.journal import Journal

log = logging.getLogger("runyard.run_store")
_TELLING = (".started", ".finished", ".reached", ".queued", ".resumed", ".failed")
_IDLE_SHARE = 4
"""Between two copies at least this many times as long passes as the last one took."""


class Mirror:
    """Writes snapshots as the run's statuses change (contract 1, "Store protocol").

    Changes that come faster than a snapshot can be made share one. The last snapshot is of the
    end. A store that fails is reported in the log and never changes the run.
    """

    def __init__(self, store: RunStore, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._version: int | None = None

    async def follow(self, run_id: str) -> None:
        """Copy until the run is final."""
        changed = asyncio.Event()
        self._version = await self._stored_version(run_id)
        copier = asyncio.ensure_future(self._copy_changes(run_id, changed))
        try:
            async for event in self._journal.follow(run_id):
                if event.type.endswith(_TELLING):
                    changed.set()
        finally:
            copier.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await copier
        await self._copy(run_id)

    async def _copy_changes(self, run_id: str, changed: asyncio.Event) -> None:
        while True:
            await changed.wait()
            changed.clear()
            began = time.monotonic()
            await self._copy(run_id)
            await asyncio.sleep((time.monotonic() - began) * _IDLE_SHARE)

    async def _copy(self, run_id: str) -> None:
        record = await self._journal.get(run_id)
        try:
            if self._version is None:
                record.version = 1
                await self._store.create_run(record)
            else:
                record.version = self._version + 1
                await self._store.update_run(record)
            self._version = record.version
        except ConflictError as error:
            log.warning("run store: %s", error)
            self._version = await self._stored_version(run_id)
        except Exception as error:
            log.warning("run store: %s: %s", type(error).__name__, error)

    async def _stored_version(self, run_id: str) -> int | None:
        try:
            return (await self._store.get_run(run_id)).version
        except Exception:
            return None
