from __future__ import annotations

import asyncio
from typing import Any

from runyard.model.event import NewEvent
from runyard.model.run import RunRecord
from runyard.model.status import Status
from runyard.service.notices import Courier
from runyard.store.sqlite import SqliteJournal

RUN = "run-00000001"


def test_a_notifier_that_hangs_keeps_nobody_waiting_for_ever() -> None:
    class Hangs:
        def __init__(self) -> None:
            self.told: list[str] = []

        async def notify(self, payload: dict[str, Any]) -> None:
            self.told.append(payload["status"])
            if len(self.told) == 1:
                await asyncio.Event().wait()

    async def main() -> None:
        journal, notifier = SqliteJournal(None), Hangs()
        try:
            await journal.create(RunRecord(RUN, "w", status=Status.RUNNING), {}, owner="")
            finished = NewEvent("run.finished", data={"status": "success"})
            await journal.commit(RUN, 1, [finished])
            courier = Courier(notifier, journal, retry=2, delay=0, patience=0.01)
            async with asyncio.timeout(20):
                await courier.follow(RUN, 1)
            # The first was given up without another try; the others were told.
            assert notifier.told == ["running", "success"]
            assert "no answer within" in (await journal.get(RUN)).last_notify_error
        finally:
            await journal.close()

    asyncio.run(main())
