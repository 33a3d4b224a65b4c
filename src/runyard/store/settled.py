"""Blocking work in a thread that nobody leaves alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def settled(act: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
    """Call `act` in a thread; a cancellation is raised when it has ended.

    What it uses, such as a descriptor, may be closed by whoever is cancelled. What it has made then
    goes to `undo`, as nobody else gets it.
    """
    task = asyncio.ensure_future(asyncio.to_thread(act))
    canceled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            canceled = error
    if canceled is None:
        return task.result()
    if task.exception() is None and undo is not None:  # a failure is of no interest any more
        undo(task.result())
    raise canceled
