from __future__ import annotations

import asyncio

from runyard.model.errors import StoreError
from runyard.store.wakeups import Wakeups


def test_a_wake_before_the_wait_is_not_lost():
    async def go() -> None:
        wakeups = Wakeups(None)
        with wakeups.listen("a") as bell, wakeups.listen("b") as other:
            bell.clear()
            wakeups.wake("a")
            await asyncio.wait_for(bell.wait(), 10)
            assert not other.is_set()
            wakeups.wake_all()
            assert other.is_set()
        wakeups.wake("a")

    asyncio.run(go())


def test_it_polls_only_while_somebody_follows():
    asked = 0
    version = 1

    async def ask() -> int:
        nonlocal asked
        asked += 1
        return version

    async def go() -> None:
        nonlocal version
        wakeups = Wakeups(ask)
        await asyncio.sleep(0.03)
        assert asked == 0
        with wakeups.listen("a") as bell:
            await bell.wait()
            bell.clear()
            version = 2
            await asyncio.wait_for(bell.wait(), 10)
        before = asked
        await asyncio.sleep(0.05)
        assert asked == before

    asyncio.run(go())


def test_followers_are_told_when_the_polling_cannot_go_on():
    async def ask() -> int:
        raise StoreError("gone")

    async def go() -> None:
        with Wakeups(ask).listen("a") as bell:
            await asyncio.wait_for(bell.wait(), 10)

    asyncio.run(go())
