from __future__ import annotations

import asyncio

from runyard.engine.mailbox import Decision, Mailbox


def test_an_event_is_there_for_who_asks_late_and_who_asks_early() -> None:
    async def main() -> None:
        box = Mailbox()
        early = asyncio.ensure_future(box.event("ready"))
        await asyncio.sleep(0)
        await box.post_event("other", {})
        assert not early.done()
        await box.post_event("ready", {"n": 1})
        await box.post_event("ready", {"n": 2})
        assert await early == {"n": 1} == await box.event("ready")

    asyncio.run(main())


def test_a_decision_is_taken_once_and_an_open_one_by_whoever_asks_next() -> None:
    async def main() -> None:
        box = Mailbox()
        await box.post_decision("b", Decision(False, by="ann"))
        await box.post_decision("", Decision(True, by="bob"))
        assert (await box.decision("a")).by == "bob"
        assert (await box.decision("b")).by == "ann"
        waiting = asyncio.ensure_future(box.decision("b"))
        await asyncio.sleep(0)
        assert not waiting.done()
        await box.post_decision("b", Decision(True, by="cat"))
        assert (await waiting).by == "cat"

    asyncio.run(main())
