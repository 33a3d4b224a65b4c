"""Keeping an injected run store up to date with the journal."""

from __future__ import annotations

import logging

from runyard.model.errors import ConflictError
from runyard.model.run import RunStore
from runyard.store.journal import Journal

log = logging.getLogger("runyard.run_store")
_TELLING = (".started", ".finished", ".reached", ".queued", ".resumed", ".failed")


class Mirror:
    """Writes a snapshot for every status change (contract 1, "Store protocol").

    A store that fails is reported in the log and never changes the run.
    """

    def __init__(self, store: RunStore, journal: Journal) -> None:
        self._store = store
        self._journal = journal

    async def follow(self, run_id: str) -> None:
        """Copy until the run is final."""
        version = await self._version(run_id)
        async for event in self._journal.follow(run_id):
            if not event.type.endswith(_TELLING):
                continue
            record = await self._journal.get(run_id)
            try:
                if version is None:
                    record.version = 1
                    await self._store.create_run(record)
                    version = 1
                else:
                    record.version = version + 1
                    await self._store.update_run(record)
                    version += 1
            except ConflictError as error:
                log.warning("run store: %s", error)
                version = await self._version(run_id)
            except Exception as error:
                log.warning("run store: %s: %s", type(error).__name__, error)

    async def _version(self, run_id: str) -> int | None:
        try:
            return (await self._store.get_run(run_id)).version
        except Exception:
            return None
