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


async def remove(journal: Journal, home: Home, run_id: str) -> bool:
    """Remove a run with all it has, for good; False when a process owns it (a resume, just now).

    The row goes first: what a death in between leaves is a directory without a run, which a later
    `sweep` removes.
    """
    try:
        with home.own(run_id):
            await journal.delete(run_id)
            shutil.rmtree(home.run_dir(run_id), ignore_errors=True)
    except ConflictError:
        return False
    return True


async def sweep(journal: Journal, home: Home) -> None:
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
