from __future__ import annotations

import asyncio

import pytest

from runyard.engine.crowd import crowd
from runyard.engine.halt import Halt, Halted


def test_results_are_in_the_order_of_the_jobs_and_the_limit_holds() -> None:
    async def main() -> None:
        now = peak = 0

        async def work(n: int) -> int:
            nonlocal now, peak
            now += 1
            peak = max(peak, now)
            await asyncio.sleep(0.001 * (5 - n % 5))
            now -= 1
            return n * n

        assert await crowd(range(20), work, 4, Halt()) == [n * n for n in range(20)]
        assert peak == 4
        assert await crowd([], work, 4, Halt()) == []
        assert await crowd([3], work, 4, Halt()) == [9]

    asyncio.run(main())


def test_an_exception_stops_all_and_is_raised_when_everybody_has_ended() -> None:
    async def main() -> None:
        halt, ended = Halt(), []

        async def work(n: int) -> None:
            if n == 0:
                await asyncio.sleep(0.01)
                raise OSError("the disk is gone")
            try:
                await halt.run(asyncio.sleep(60))
            except Halted:
                ended.append(n)

        with pytest.raises(OSError, match="the disk is gone"):
            await crowd([0, 1, 2], work, 3, halt)
        assert sorted(ended) == [1, 2]

    asyncio.run(main())


def test_a_cancelled_crowd_leaves_nobody_working() -> None:
    async def main() -> None:
        alive: set[int] = set()

        async def work(n: int) -> None:
            alive.add(n)
            try:
                await asyncio.sleep(60)
            finally:
                alive.discard(n)

        task = asyncio.ensure_future(crowd([1, 2, 3], work, 3, Halt()))
        await asyncio.sleep(0.01)
        assert alive == {1, 2, 3}
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert alive == set()

    asyncio.run(main())
