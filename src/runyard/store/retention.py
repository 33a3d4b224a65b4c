"""Forgetting old runs: their rows, their output, their artifacts."""

from __future__ import annotations

import contextlib
import shutil
import time

from runyard.model.errors import ConflictError
from runyard.model.ids import RUN_ID
from runyard.model.run import RunFilter
from runyard.store.home import Home
from runyard.store.journal import Journal

EVERYTHING = 1 << 31
DAY = 86_400.0


async def prune(
    journal: Journal, home: Home, *, older_than: float | None = None, keep: int = 0
) -> list[str]:
    """Remove runs that ended more than `older_than` seconds ago, but never the newest `keep`.

    None is any age. Runs that have not ended, or that a process owns, stay. Returns the ids.
    The rows go first: what a death in between leaves are files without a run, which a later
    sweep removes.
    """
    now, gone = time.time(), []
    ended = [r for r in await journal.list(RunFilter(limit=EVERYTHING)) if r.status.is_final]
    for record in ended[keep:]:
        age = now - (record.finished_at or now)
        if older_than is not None and age < older_than:
            continue
        try:
            with home.own(record.run_id):
                await journal.delete(record.run_id)
                shutil.rmtree(home.run_dir(record.run_id), ignore_errors=True)
        except ConflictError:
            continue
        gone.append(record.run_id)
    await _sweep(journal, home)
    return gone


async def _sweep(journal: Journal, home: Home) -> None:
    """Remove directories that no run has and nobody owns, a day after they were touched.

    A run has its directory before its rows, and a plan has one without rows.
    """
    known = {record.run_id for record in await journal.list(RunFilter(limit=EVERYTHING))}
    folder = home.root / "runs"
    for path in list(folder.iterdir()) if folder.is_dir() else []:
        if path.name in known or not RUN_ID.fullmatch(path.name):
            continue
        if path.stat().st_mtime < time.time() - DAY:
            with contextlib.suppress(ConflictError), home.own(path.name):
                shutil.rmtree(path, ignore_errors=True)
