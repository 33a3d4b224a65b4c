"""Many jobs, a few at a time, results in the order of the jobs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from runyard.engine.halt import Halt

J = TypeVar("J")
R = TypeVar("R")
_Job = Callable[[], Coroutine[Any, Any, None]]


class Crowd:
    """Places for `limit` jobs at once. One that only waits leaves its place to others."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._free = limit  # below 0 for a moment when somebody came back only to end
        self._back: deque[asyncio.Future[None]] = deque()
        self._workers: list[asyncio.Task[None]] = []
        self._todo: Iterator[_Job] = iter(())
        self._halt = Halt()

    async def run(
        self, jobs: Sequence[J], work: Callable[[J], Coroutine[Any, Any, R | None]], halt: Halt
    ) -> list[R | None]:
        """Run `work` on every job; None for what was not done. One call at a time.

        An exception stops all (through `halt`, so that nothing is left running) and is raised when
        everybody has ended.
        """
        self._halt, self._workers, self._free = halt, [], self._limit
        if len(jobs) == 1:
            self._free -= 1
            return [await work(jobs[0])]
        results: list[R | None] = [None] * len(jobs)

        async def one(at: int, job: J) -> None:
            results[at] = await work(job)

        self._todo = (partial(one, at, job) for at, job in enumerate(jobs))
        self._fill()
        try:
            while working := [worker for worker in self._workers if not worker.done()]:
                await asyncio.wait(working)
        except asyncio.CancelledError:
            self._todo = iter(())
            for worker in self._workers:
                worker.cancel()
            raise
        finally:
            ended = await asyncio.gather(*self._workers, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, BaseException):
                raise outcome
        return results

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """While a job is in here its place is another's.

        At the end it waits for a place, and comes before jobs that have not begun. After an
        exception it does not wait: the job is about to end.
        """
        self._free += 1
        self._fill()
        try:
            yield
        except BaseException:
            self._free -= 1
            raise
        if self._free > 0:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._back.append(turn)
        try:
            await turn
        except BaseException:
            if turn.cancelled():  # otherwise it was given a place at this very moment
                self._free -= 1
            raise

    # -- inside

    def _fill(self) -> None:
        """Give free places to who came back, then to the next jobs."""
        while self._free > 0:
            if self._back:
                turn = self._back.popleft()
                if not turn.done():
                    self._free -= 1
                    turn.set_result(None)
            elif (job := next(self._todo, None)) is not None:
                self._free -= 1
                self._workers.append(asyncio.ensure_future(self._work(job)))
            else:
                return

    async def _work(self, job: _Job | None) -> None:
        """One place, used by one job after the other."""
        try:
            while job is not None:
                await job()
                # Who came back goes before the jobs that have not begun.
                job = None if self._back or self._free < 0 else next(self._todo, None)
        except BaseException as error:
            self._todo = iter(())
            if isinstance(error, Exception):
                self._halt.request("the run cannot go on")
            raise
        finally:
            self._free += 1
            self._fill()
