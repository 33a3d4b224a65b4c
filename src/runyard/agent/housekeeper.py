"""What an agent does by itself, now and then: it keeps its supervisor, its disk and its memory."""

from __future__ import annotations

import asyncio
import logging

from runyard.agent.desk import Desk
from runyard.agent.doors import Doors
from runyard.agent.tools import Tools
from runyard.model.errors import FencedError, RunyardError

TICK = 2.0
_BUSY, _QUIET = 2, 30
"""Ticks between two looks at the disk, while something is written and otherwise."""

_LOG = logging.getLogger("runyard.agent")


class Housekeeper:
    """Runs until it is cancelled. A failure is told, and tried again at the next tick.

    Raises FencedError when another agent works with our state directory: then we are none any more.
    """

    def __init__(self, tools: Tools, desk: Desk, doors: Doors) -> None:
        self._tools = tools
        self._desk = desk
        self._doors = doors
        self._since_look = _QUIET
        self._begun = 0

    async def work(self) -> None:
        """Again and again."""
        while True:
            try:
                await self._round()
            except FencedError:
                raise
            except (RunyardError, OSError) as error:
                _LOG.warning("%s", error)
            except Exception:
                _LOG.exception("the housekeeper stumbled")
            await asyncio.sleep(TICK)

    async def _round(self) -> None:
        await self._tools.yard.look_after()
        await self._desk.tidy()
        self._since_look += 1
        slots = self._tools.slots
        busy = slots.running or slots.begun > self._begun or self._tools.spools.full
        if self._since_look >= (_BUSY if busy else _QUIET):
            self._since_look, self._begun = 0, slots.begun
            await self._tidy_disk()

    async def _tidy_disk(self) -> None:
        tools = self._tools
        await asyncio.to_thread(tools.spools.look)
        for run in tools.spools.idle(tools.bounds.keep_for):
            if not self._desk.lives(run):
                await tools.yard.clean(run)
        await self._desk.make_room()
        await asyncio.to_thread(self._doors.prune)
