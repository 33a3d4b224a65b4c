"""Asking hosts for a plan: whether they are there, what they are, what is done already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from runyard.engine.running import Running
from runyard.engine.step import Step
from runyard.hosts.inventory import Host
from runyard.model.connector import Connector
from runyard.model.errors import RunyardError
from runyard.model.progress import Progress

T = TypeVar("T")


class Asking:
    """The hosts of a run as they answer. Who cannot be reached is not asked again.

    `progress` tells who is waited for. All raise RunyardError, and Halted when the run is stopped.
    """

    def __init__(self, run: Running, progress: Progress) -> None:
        self._run = run
        self._progress = progress
        self._refused: dict[int, RunyardError] = {}

    async def facts(self, host: Host, become: str | None) -> None:
        """Make the facts of a host known to the variables of the run."""
        if not self._run.variables.facts_of(host.name):
            with self._progress.asking(host.name):
                connector = await self._reach(host, become)
                found = await self._run.halt.run(connector.probe())
            self._run.variables.record_facts(host.name, found)

    async def check(self, step: Step, host: Host) -> bool:
        """Whether there is nothing left to do for `step`."""
        with self._progress.asking(host.name):
            connector = await self._reach(host, step.policy.become)
            return await self._run.halt.run(step.check(self._run.context(host, connector)))

    async def _reach(self, host: Host, become: str | None) -> Connector:
        connector = self._run.fleet.connector(host, become)
        refused = self._refused.get(id(connector))
        if refused is not None:
            raise refused
        try:
            await self._run.halt.run(connector.connect())
        except RunyardError as error:
            self._refused[id(connector)] = error
            raise
        return connector


async def each_of(
    hosts: Sequence[Host], do: Callable[[Host], Awaitable[T]], at_once: int
) -> list[T]:
    """`do` for all of them, so many at once; in their order. The first failure ends the others."""
    turn = asyncio.Semaphore(at_once)

    async def one(host: Host) -> T:
        async with turn:
            return await do(host)

    doing = [asyncio.ensure_future(one(host)) for host in hosts]
    try:
        return list(await asyncio.gather(*doing))
    finally:
        for each in doing:
            each.cancel()
        await asyncio.gather(*doing, return_exceptions=True)
