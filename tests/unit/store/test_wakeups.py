from __future__ import annotations

import asyncio

import pytest

from runyard.model.errors import StoreError
from runyard.model.event import Event
from runyard.store.wakeups import NEWEST, Wakeups


def test_what_was_committed_here_comes_with_the_bell_and_only_the_newest_of_much():
    async def go() -> None:
        wakeups = Wakeups(None)
        with wakeups.listen("a") as bell:
            wakeups.wake("a", [Event("a", 1, 0.0, "x"), Event("a", 2, 0.0, "x")])
            wakeups.wake("a", [Event("a", 3, 0.0, "x")])
            assert [event.seq for event in bell.take()] == [1, 2, 3]
            assert bell.take() == []
            wakeups.wake("a", [Event("a", n, 0.0, "x") for n in range(NEWEST + 5)])
            assert next(event.seq for event in bell.take()) == 5

    asyncio.run(go())


def test_a_wake_before_the_wait_is_not_lost():
    async def go() -> None:
        wakeups = Wakeups(None)
        with wakeups.listen("a") as bell, wakeups.listen("b") as other:
            bell.take()
            wakeups.wake("a")
            await asyncio.wait_for(bell.wait(), 10)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(other.wait(), 0.01)
            wakeups.wake_all()
            await asyncio.wait_for(other.wait(), 10)
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
            bell.take()
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
