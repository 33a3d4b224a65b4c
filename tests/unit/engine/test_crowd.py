from __future__ import annotations

import asyncio

import pytest

from runyard.engine.crowd import Crowd
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

        assert await Crowd(4).run(range(20), work, Halt()) == [n * n for n in range(20)]
        assert peak == 4
        assert await Crowd(4).run([], work, Halt()) == []
        assert await Crowd(4).run([3], work, Halt()) == [9]

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
            await Crowd(3).run([0, 1, 2], work, halt)
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

        task = asyncio.ensure_future(Crowd(3).run([1, 2, 3], work, Halt()))
        await asyncio.sleep(0.01)
        assert alive == {1, 2, 3}
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert alive == set()

    asyncio.run(main())


def test_who_waits_leaves_its_place_to_others_and_comes_back_before_the_next() -> None:
    async def main() -> None:
        crowd, come, order = Crowd(1), asyncio.Event(), list[str]()

        async def work(n: int) -> None:
            order.append(f"{n} begins")
            if n == 0:
                async with crowd.aside():
                    await come.wait()
                order.append("0 is back")
            if n == 1:
                come.set()
                await asyncio.sleep(0.01)
            order.append(f"{n} ends")

        await crowd.run([0, 1, 2], work, Halt())
        assert order == [
            "0 begins", "1 begins", "1 ends", "0 is back", "0 ends", "2 begins", "2 ends",
        ]  # fmt: skip

    asyncio.run(main())


def test_the_limit_holds_for_those_who_come_back_together() -> None:
    async def main() -> None:
        crowd, come = Crowd(3), asyncio.Event()
        now = peak = waiting = 0

        async def work(n: int) -> int:
            nonlocal now, peak, waiting
            waiting += 1
            if waiting == 30:
                come.set()
            async with crowd.aside():
                await come.wait()
            now += 1
            peak = max(peak, now)
            await asyncio.sleep(0.001)
            now -= 1
            return n

        assert await crowd.run(range(30), work, Halt()) == list(range(30))
        assert peak == 3

    asyncio.run(main())


@pytest.mark.parametrize("while_waiting", [True, False])
def test_who_is_stopped_while_aside_ends_at_once(while_waiting: bool) -> None:
    async def main() -> None:
        crowd, halt, go = Crowd(1), Halt(), asyncio.Event()
        done = list[int]()

        async def aside() -> None:
            async with crowd.aside():
                await (asyncio.sleep(60) if while_waiting else go.wait())

        async def work(n: int) -> None:
            if n == 0:
                try:
                    await halt.run(aside())
                except Halted:
                    done.append(n)
                return
            go.set()
            await asyncio.sleep(0.01)  # the first one is back, and waits for this place
            if n == 1:
                halt.request("enough")
                await asyncio.sleep(0.01)
            done.append(n)

        await crowd.run([0, 1, 2], work, Halt())
        assert done == [0, 1, 2]

    asyncio.run(main())


def test_one_job_may_wait_as_well() -> None:
    async def main() -> None:
        crowd = Crowd(1)

        async def work(n: int) -> int:
            async with crowd.aside():
                await asyncio.sleep(0)
            return n

        assert await crowd.run([7], work, Halt()) == [7]
        assert await crowd.run([1, 2], work, Halt()) == [1, 2]

    asyncio.run(main())
