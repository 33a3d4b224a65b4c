"""Work in a thread is waited for, whoever is cancelled."""

from __future__ import annotations

import asyncio
import threading

import pytest

from runyard.store.settled import settled


def test_a_result_and_a_failure() -> None:
    assert asyncio.run(settled(lambda: 3)) == 3
    with pytest.raises(ZeroDivisionError):
        asyncio.run(settled(lambda: 1 // 0))


@pytest.mark.parametrize("fails", [False, True])
def test_a_cancellation_waits_and_undoes(fails: bool) -> None:
    begun, go = threading.Event(), threading.Event()
    undone: list[int] = []

    def act() -> int:
        begun.set()
        go.wait(20)
        return 1 // 0 if fails else 7

    async def run() -> None:
        task = asyncio.ensure_future(settled(act, undone.append))
        await asyncio.to_thread(begun.wait, 20)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0.01)
            assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert undone == ([] if fails else [7])
