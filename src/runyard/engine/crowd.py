"""Many jobs, a few at a time, results in the order of the jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from runyard.engine.halt import Halt

J = TypeVar("J")
R = TypeVar("R")


async def crowd(
    jobs: Sequence[J],
    work: Callable[[J], Coroutine[Any, Any, R | None]],
    limit: int,
    halt: Halt,
) -> list[R | None]:
    """Run `work` on every job, at most `limit` at once; None for what was not done.

    An exception stops all (through `halt`, so that nothing is left running) and is raised when
    everybody has ended.
    """
    if len(jobs) == 1:
        return [await work(jobs[0])]
    results: list[R | None] = [None] * len(jobs)
    todo = iter(enumerate(jobs))

    async def worker() -> None:
        for at, job in todo:
            results[at] = await work(job)

    workers = [asyncio.ensure_future(worker()) for _ in range(min(limit, len(jobs)))]
    if not workers:
        return results
    try:
        await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        if any(w.done() and w.exception() for w in workers):
            halt.request("the run cannot go on")
    except asyncio.CancelledError:
        for w in workers:
            w.cancel()
        raise
    finally:
        ended = await asyncio.gather(*workers, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, BaseException):
            raise outcome
    return results
