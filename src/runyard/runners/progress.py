"""Word of how far a long transfer is, as lines on the attempt's own stderr."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runyard.model.action import Work
from runyard.model.errors import StoreError
from runyard.model.progress import Progress

PAUSE = 3.0
"""Seconds before the first line, and between two."""


@asynccontextmanager
async def telling(work: Work, verb: str, progress: Progress) -> AsyncIterator[None]:
    """While the block runs, a line every PAUSE seconds: bytes done of all, and how fast.

    `verb` begins it (`copied`); names of files may hold secrets, and are left out. A log that
    takes no line is no reason to stop.
    """
    task = asyncio.ensure_future(_tell(work, verb, progress)) if work.output else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _tell(work: Work, verb: str, progress: Progress) -> None:
    assert work.output is not None
    before, since = progress.done, time.monotonic()
    while True:
        await asyncio.sleep(PAUSE)
        now, count = time.monotonic(), progress.done
        line = f"{verb} {words(count, progress.total, (count - before) / (now - since))}\n"
        before, since = count, now
        try:
            work.output.write("stderr", line.encode())
        except StoreError:
            continue


def words(done: int, total: int, rate: float) -> str:
    """`312.0 of 700.0 MB, 45.0 MB/s`; sizes in bytes, `rate` in bytes a second."""
    return f"{done / 1e6:.1f} of {total / 1e6:.1f} MB, {rate / 1e6:.1f} MB/s"
