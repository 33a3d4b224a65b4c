"""Rings for a reader of output: a file of a directory has grown, or the end was announced."""

from __future__ import annotations

import asyncio
from pathlib import Path

from runyard.store.inotify import Watch

SAFETY = 0.5
POLL = 0.015
SOON = 0.2


class Bell:
    """A watch on `folder` for as long as it is entered; polls where the kernel cannot watch.

    The first moments are polled, too: closing a watch costs some 15 ms, a large part of a run
    that ends at once.
    """

    def __init__(self, folder: Path, ended: asyncio.Event) -> None:
        self._folder = folder
        self._ended = ended
        self._rung = asyncio.Event()
        self._watch: Watch | None = None
        self._all = True
        self._watch_at = 0.0

    async def __aenter__(self) -> Bell:
        loop = asyncio.get_running_loop()
        self._watch_at = loop.time() + SOON
        self._task = loop.create_task(self._end())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.fd)
            self._watch.close()

    def names(self) -> set[str] | None:
        """Files written since the last call; None: look at all of them."""
        self._rung.clear()
        written = self._watch.take() if self._watch is not None else None
        everything, self._all = self._all, False
        return None if everything else written

    async def wait(self) -> None:
        """Until it rings; at times without a ring, then `names` gives None."""
        try:
            async with asyncio.timeout(SAFETY if self._watch is not None else POLL):
                await self._rung.wait()
        except TimeoutError:
            self._all = True
            if self._watch is None and asyncio.get_running_loop().time() >= self._watch_at:
                self._begin_to_watch()

    def _begin_to_watch(self) -> None:
        try:
            self._watch = Watch(self._folder)
        except OSError:
            # No inotify here, or too many watches: go on polling, ask again later.
            self._watch_at = asyncio.get_running_loop().time() + SAFETY
        else:
            asyncio.get_running_loop().add_reader(self._watch.fd, self._rung.set)

    async def _end(self) -> None:
        await self._ended.wait()
        self._rung.set()
