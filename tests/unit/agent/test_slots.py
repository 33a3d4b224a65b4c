from __future__ import annotations

import asyncio

import pytest

from runyard.agent.slots import Busy, Slots


def test_places_are_taken_once_and_given_back() -> None:
    async def alive() -> set[str]:
        return set()

    async def main() -> None:
        slots = Slots(2, alive)
        for name in ("a", "a", "b"):
            await slots.take(name)
        assert slots.running == 2
        with pytest.raises(Busy, match="the agent runs 2 tasks already, its --max-tasks"):
            await slots.take("c")
        slots.give_back("a")
        slots.give_back("a")
        await slots.take("c")
        slots.keep("d")
        assert slots.running == 3

    asyncio.run(main())


def test_ends_that_nobody_saw_are_looked_up_when_all_is_taken() -> None:
    living = {"a", "b"}
    asked = 0

    async def alive() -> set[str]:
        nonlocal asked
        asked += 1
        return set(living)

    async def main() -> None:
        slots = Slots(3, alive)
        for name in ("a", "b"):
            await slots.take(name)
        slots.lose_sight({"a", "b", "never-taken"})
        assert slots.running == 2
        await slots.take("c")
        assert asked == 0
        with pytest.raises(Busy):
            await slots.take("d")
        await slots.take("a")  # it comes back through another door
        living.clear()
        await slots.take("d")  # b has ended
        assert slots.running == 3
        slots.lose_sight({"a"})
        assert await slots.look() == 2

    asyncio.run(main())


def test_the_last_place_is_given_once() -> None:
    async def alive() -> set[str]:
        await asyncio.sleep(0)
        return set()

    async def main() -> None:
        slots = Slots(1, alive)
        slots.keep("gone")
        slots.lose_sight({"gone"})
        asked = await asyncio.gather(
            *(slots.take(f"t{n}") for n in range(5)), return_exceptions=True
        )
        assert sum(each is None for each in asked) == 1
        assert slots.running == 1

    asyncio.run(main())
