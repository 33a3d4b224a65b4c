from __future__ import annotations

import asyncio
import os

from runyard.model.event import NewEvent
from runyard.model.run import RunFilter, RunRecord
from runyard.store.home import Home
from runyard.store.output import OutputStore
from runyard.store.retention import remove, sweep
from runyard.store.sqlite import SqliteJournal


async def ids(journal: SqliteJournal) -> list[str]:
    return [record.run_id for record in await journal.list(RunFilter())]


def test_a_run_goes_with_all_it_has_unless_somebody_owns_it(home: Home):
    async def go() -> None:
        journal, output = SqliteJournal(home), OutputStore(home)
        names = [f"run-0000000{i}" for i in range(3)]
        for name in names:
            end = NewEvent("run.finished", data={"status": "success"})
            await journal.create(RunRecord(name), {}, [NewEvent("run.started"), end])
            output.append(name, f"{name}/s/h/1", "stdout", b"x")
        output.close()
        with home.own(names[2]):
            assert [await remove(journal, home, name) for name in names[1:]] == [True, False]
        assert await ids(journal) == [names[2], names[0]]
        left = sorted(path.name for path in (home.root / "runs").iterdir())
        assert left == [names[0], names[2]]
        await journal.close()

    asyncio.run(go())


def test_directories_without_a_run_are_swept_when_they_are_old(home: Home):
    async def go() -> None:
        journal = SqliteJournal(home)
        for name in ("plan-of-yesterday", "plan-of-today"):
            (home.run_dir(name) / "output").mkdir(parents=True)
        (home.root / "runs" / "x").mkdir()
        os.utime(home.run_dir("plan-of-yesterday"), (1, 1))
        await sweep(journal, home)
        left = sorted(path.name for path in (home.root / "runs").iterdir())
        assert left == ["plan-of-today", "x"]
        await journal.close()

    asyncio.run(go())
