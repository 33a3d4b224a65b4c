"""Readers in another process than the writer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from runyard.model.event import NewEvent
from runyard.model.run import RunRecord
from runyard.store.home import Home
from runyard.store.output import OutputFilter, OutputStore
from runyard.store.sqlite import SqliteJournal

RUN = "run-00000001"

EVENTS = """
import asyncio, sys
from pathlib import Path
from runyard.store.home import Home
from runyard.store.sqlite import SqliteJournal

async def main():
    journal = SqliteJournal(Home(Path(sys.argv[1])))
    async for event in journal.follow("run-00000001"):
        print(event.seq, event.type, flush=True)
        if event.type == "run.started":
            await journal.post("run-00000001", "cancel", {"reason": "enough"})
    await journal.close()

asyncio.run(main())
"""

LINES = """
import sys, time
from pathlib import Path
from runyard.store.home import Home
from runyard.store.output import OutputStore

store = OutputStore(Home(Path(sys.argv[1])))
for i in range(int(sys.argv[2])):
    attempt = f"run-00000001/step{i // 100}/h{i % 3}/1"
    store.append("run-00000001", attempt, ("stdout", "stderr")[i % 2], f"line {i}\\n".encode())
    if i % 50 == 0:
        time.sleep(0.002)
store.close()
"""


@asynccontextmanager
async def child(code: str, *args: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *args, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def test_another_process_follows_the_events_and_asks_for_a_cancel(tmp_path: Path):
    home = Home(tmp_path / "state").prepare()

    async def go() -> None:
        journal = SqliteJournal(home)
        await journal.create(RunRecord(RUN), {})
        async with child(EVENTS, str(home.root)) as reader:
            assert reader.stdout is not None
            assert await reader.stdout.readline() == b"1 run.queued\n"
            await journal.commit(RUN, 1, [NewEvent("run.started")])
            control = await asyncio.wait_for(anext(journal.follow_controls(RUN)), 30)
            assert (control.kind, control.data) == ("cancel", {"reason": "enough"})
            for i in range(200):
                await journal.commit(RUN, 1, [NewEvent("warning.raised", data={"i": i})])
            await journal.commit(RUN, 1, [NewEvent("run.finished", data={"status": "canceled"})])
            rest = await asyncio.wait_for(reader.stdout.read(), 30)
            seqs = [int(line.split()[0]) for line in rest.splitlines()]
            assert seqs == list(range(2, 204))
            assert await reader.wait() == 0
        await journal.close()

    asyncio.run(go())


def test_two_processes_commit_to_one_database(tmp_path: Path):
    home = Home(tmp_path / "state").prepare()
    code = """
import asyncio, sys
from pathlib import Path
from runyard.model.event import NewEvent
from runyard.model.run import RunRecord
from runyard.store.home import Home
from runyard.store.sqlite import SqliteJournal

async def main():
    journal = SqliteJournal(Home(Path(sys.argv[1])).prepare())
    await journal.create(RunRecord(sys.argv[2]), {}, [NewEvent("run.started")])
    for i in range(300):
        await journal.commit(sys.argv[2], 1, [NewEvent("warning.raised", data={"i": i})])
    await journal.close()

asyncio.run(main())
"""

    async def go() -> None:
        names = [f"run-0000000{i}" for i in range(3)]

        async def one(name: str) -> int:
            async with child(code, str(home.root), name) as process:
                return await asyncio.wait_for(process.wait(), 60)

        assert await asyncio.gather(*(one(name) for name in names)) == [0, 0, 0]
        journal = SqliteJournal(home)
        for name in names:
            events = await journal.events(name)
            assert [event.seq for event in events] == list(range(1, 302))
        await journal.close()

    asyncio.run(go())


def test_another_process_writes_output_and_nothing_is_lost_or_given_twice(tmp_path: Path):
    home = Home(tmp_path / "state").prepare()
    home.own(RUN).close()
    total = 2000

    async def go() -> None:
        ended = asyncio.Event()
        seen: list[int] = []
        cursor: dict[str, int] = {}
        async with child(LINES, str(home.root), str(total)) as writer:

            async def wait() -> None:
                await writer.wait()
                ended.set()

            waiting = asyncio.create_task(wait())
            # Leave and come back in the middle.
            first = OutputStore(home).follow(RUN, ended)
            async for chunk in first:
                seen.append(int(chunk.data.split()[1]))
                cursor[chunk.attempt] = chunk.next
                if len(seen) >= total // 3:
                    break
            await first.aclose()
            async for chunk in OutputStore(home).follow(RUN, ended, after=cursor):
                seen.append(int(chunk.data.split()[1]))
            await waiting
        assert sorted(seen) == list(range(total))
        errors = [
            int(chunk.data.split()[1])
            for chunk in OutputStore(home).read(RUN, OutputFilter(stream="stderr"))
        ]
        assert sorted(errors) == list(range(1, total, 2))

    asyncio.run(go())
