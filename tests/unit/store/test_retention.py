from __future__ import annotations

import asyncio
import os

from runyard.model.event import NewEvent
from runyard.model.run import RunFilter, RunRecord
from runyard.store.home import Home
from runyard.store.output import OutputStore
from runyard.store.retention import prune
from runyard.store.sqlite import SqliteJournal


async def ids(journal: SqliteJournal) -> list[str]:
    return [record.run_id for record in await journal.list(RunFilter())]


def test_ended_runs_go_with_all_they_have(home: Home):
    async def go() -> None:
        journal, output = SqliteJournal(home), OutputStore(home)
        names = [f"run-0000000{i}" for i in range(6)]
        end = NewEvent("run.finished", data={"status": "success"})
        for i, name in enumerate(names):
            events = [NewEvent("run.started"), *([] if i == 1 else [end])]
            await journal.create(RunRecord(name), {}, events)
            output.append(name, f"{name}/s/h/1", "stdout", b"x")
        output.close()

        assert await prune(journal, home, older_than=3600) == []
        with home.own(names[2]):
            # The newest two, the one that runs and the one that somebody owns stay.
            assert await prune(journal, home, keep=2) == [names[3], names[0]]
        assert await ids(journal) == [names[5], names[4], names[2], names[1]]
        left = sorted(path.name for path in (home.root / "runs").iterdir())
        assert left == sorted(await ids(journal))
        assert await prune(journal, home, older_than=0) == [names[5], names[4], names[2]]
        await journal.close()

    asyncio.run(go())


def test_directories_without_a_run_are_swept_when_they_are_old(home: Home):
    async def go() -> None:
        journal = SqliteJournal(home)
        for name in ("plan-of-yesterday", "plan-of-today"):
            (home.run_dir(name) / "output").mkdir(parents=True)
        (home.root / "runs" / "x").mkdir()
        os.utime(home.run_dir("plan-of-yesterday"), (1, 1))
        await prune(journal, home)
        left = sorted(path.name for path in (home.root / "runs").iterdir())
        assert left == ["plan-of-today", "x"]
        await journal.close()

    asyncio.run(go())
