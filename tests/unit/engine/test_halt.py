from __future__ import annotations

import asyncio

import pytest

from runyard.engine.halt import Halt, Halted


def test_work_that_was_not_started_is_refused() -> None:
    async def main() -> None:
        halt = Halt()
        halt.request("no")
        with pytest.raises(Halted, match="no"):
            await halt.run(asyncio.sleep(60))

    asyncio.run(main())


def test_a_request_reaches_work_in_children_and_leaves_the_task_usable() -> None:
    async def main() -> None:
        halt = Halt(Halt())
        child = Halt(halt)

        async def worker() -> str:
            try:
                await child.run(asyncio.sleep(60))
            except Halted as halted:
                async with asyncio.timeout(5):
                    await asyncio.sleep(0.001)
                return str(halted)
            return "not stopped"

        task = asyncio.ensure_future(worker())
        await asyncio.sleep(0.01)
        halt.request("stop")
        assert await task == "stop"
        assert task.cancelling() == 0

    asyncio.run(main())


def test_work_that_ends_itself_on_cancellation_still_returns_its_result() -> None:
    async def main() -> None:
        halt = Halt()
        grace: list[str] = []

        async def obedient() -> str:
            for how in ("politely", "at once"):
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    grace.append(how)
            return "ended"

        task = asyncio.ensure_future(halt.run(obedient()))
        await asyncio.sleep(0.01)
        halt.request("stop")
        await asyncio.sleep(0.01)
        halt.request("now")
        assert await task == "ended"
        assert grace == ["politely", "at once"]
        assert halt.reason == "stop"

    asyncio.run(main())


def test_a_cancellation_from_elsewhere_passes_through() -> None:
    async def main() -> None:
        task = asyncio.ensure_future(Halt().run(asyncio.sleep(60)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_closed_child_no_longer_follows() -> None:
    async def main() -> None:
        parent = Halt()
        child = Halt(parent)
        child.close()
        parent.request("stop")
        assert not child.requested
        assert Halt(parent).requested

    asyncio.run(main())
