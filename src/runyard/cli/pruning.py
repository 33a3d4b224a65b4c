"""Which runs to remove, and removing them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runyard.model.errors import FencedError, NetworkError, RunyardError
from runyard.model.run import RunRecord
from runyard.model.status import Status

if TYPE_CHECKING:
    from runyard.service.runs import Runs

_ANSWER = 5.0


def select(
    records: Sequence[RunRecord],
    *,
    age: float | None,
    keep: int | None,
    status: str | None,
    now: float | None = None,
) -> list[RunRecord]:
    """The ended runs among `records` (newest first) that are to go.

    `age` is seconds since their end; `keep` spares the newest ones, whatever their state.
    """
    now = time.time() if now is None else now
    return [
        record
        for index, record in enumerate(records)
        if record.status.is_final
        and (keep is None or index >= keep)
        and (status is None or record.status == status)
        and (age is None or now - (record.finished_at or record.updated_at or now) >= age)
    ]


async def still_at_work(runs: Runs, record: RunRecord) -> int:
    """How many attempts of an interrupted run live on, though its owner has died.

    Their output is written into the run's directory, and a resume would attach to them. Those at
    other hosts count until a cancel has been there.
    """
    if record.status is not Status.INTERRUPTED:
        return 0
    here = await _attempts(runs, record) + await _containers(runs, record)
    return here + await _elsewhere(runs, record)


async def _elsewhere(runs: Runs, record: RunRecord) -> int:
    from runyard.service.abandoned import Elsewhere

    try:
        return await Elsewhere.count(runs.journal, record.run_id)
    except RunyardError:  # its workflow cannot be read any more: nobody could resume it
        return 0


async def _attempts(runs: Runs, record: RunRecord) -> int:
    from runyard.hosts import launch
    from runyard.hosts.client import Client

    sock = launch.reach(launch.socket_path(runs.home.root, record.run_id))
    if sock is None:
        return 0
    _, client = await asyncio.get_running_loop().create_unix_connection(Client, sock=sock)
    try:
        async with asyncio.timeout(_ANSWER):
            await client.hello(record.run_id, record.epoch)
            reply, _ = await client.call({"verb": "list"})
        return len(reply["live"])
    except NetworkError:  # it has just ended
        return 0
    except (FencedError, TimeoutError):  # it has just been resumed, or nobody can tell
        return 1
    finally:
        await client.close()


async def _containers(runs: Runs, record: RunRecord) -> int:
    from runyard.runners.docker.book import unfinished

    folder = runs.home.output_dir(record.run_id)
    if not unfinished(folder):
        return 0
    from runyard.runners.docker.abandoned import living

    return await living(folder)


async def prune_runs(
    runs: Runs, records: Sequence[RunRecord], *, dry_run: bool
) -> list[tuple[RunRecord, int]]:
    """Remove the runs, or only say so; returns each with the bytes of its directory.

    One that somebody has just resumed stays. With them goes what has no run any more: containers,
    directories, results in the cache whose time is over.
    """
    from runyard.runners.cache import ResultCache
    from runyard.runners.docker.mark import known_id
    from runyard.store.retention import remove, sweep

    removed = []
    for record in records:
        folder = runs.home.run_dir(record.run_id)
        size = await asyncio.to_thread(size_of, folder)
        if dry_run or await remove(runs.journal, runs.home, record.run_id):
            removed.append((record, size))
    if not dry_run:
        await sweep(runs.journal, runs.home)
        await asyncio.to_thread(ResultCache(runs.home.root / "cache").prune)
    if removed and not dry_run and known_id(runs.home.root):
        from runyard.runners.docker.sweep import sweep_home

        await sweep_home(runs.home.root)
    return removed


def size_of(folder: Path) -> int:
    """Bytes of all files below `folder`; 0 when it is not there."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if not path.is_dir() else 0
        except OSError:
            continue
    return total
