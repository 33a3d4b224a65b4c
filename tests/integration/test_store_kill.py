"""kill -9 of a process that commits: nothing acknowledged is lost, nothing half is there."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runyard.model.status import Status
from runyard.store.fold import RunRow, fold
from runyard.store.home import Home
from runyard.store.ledger import Ledger
from runyard.store.migrate import connect
from runyard.store.records import event
from runyard.store.sqlite import SqliteJournal

RUN = "run-00000001"

COMMITTER = """
import asyncio, sys
from pathlib import Path
from runyard.model.event import NewEvent
from runyard.model.run import RunRecord
from runyard.store.home import Home
from runyard.store.sqlite import SqliteJournal

async def worker(journal, host):
    for n in range(1, 1_000_000):
        made = await journal.commit(RUN, 1, [NewEvent("attempt.started", "s", host, {"n": n})])
        print(made[-1].seq, flush=True)
        result = {"status": "failed", "attempt": n, "stdout": "x" * 3000}
        made = await journal.commit(
            RUN, 1, [NewEvent("attempt.finished", "s", host, {"n": n, "result": result}),
                     NewEvent("retry.scheduled", "s", host, {"n": n + 1})])
        print(made[-1].seq, flush=True)

async def main():
    home = Home(Path(sys.argv[1])).prepare()
    owner = home.own(RUN)
    journal = SqliteJournal(home)
    await journal.create(RunRecord(RUN, "deploy"), {}, [NewEvent("run.started")])
    print(1, flush=True)
    await asyncio.gather(*(worker(journal, f"h{i}") for i in range(4)))

RUN = "run-00000001"
asyncio.run(main())
"""


def committer(home: Home) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMITTER, str(home.root)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("trial", range(8))
def test_a_killed_committer_leaves_a_sound_log(trial: int, tmp_path: Path):
    home = Home(tmp_path / "state")
    child = committer(home)
    assert child.stdout is not None
    with child.stdout:
        child.stdout.readline()
        time.sleep(random.Random(trial).uniform(0, 0.4))
        child.kill()
        # What was written to the pipe before the kill was acknowledged.
        lines = child.stdout.read().split("\n")
    child.wait()
    acknowledged = max((int(line) for line in lines[:-1]), default=1)

    ledger, conn = Ledger(), connect(home.database)
    assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    row = ledger.row(conn, RUN)
    log = conn.execute(ledger.sql["events"], {"run": row.id, "after": 0, "limit": -1}).fetchall()
    assert [each[0] for each in log] == list(range(1, len(log) + 1))
    assert row.seq == len(log) >= acknowledged

    folded = RunRow(row.id, RUN, "workflow", "deploy", "", home.owner_of(RUN))
    attempts: dict[tuple[str, int], tuple[str, int]] = {}
    for each in log:
        folded, _ = fold(folded, event(RUN, each))
        data = json.loads(each[5])
        if each[2].startswith("attempt."):
            status = data.get("result", {}).get("status", "running")
            attempts[(each[4], data["n"])] = (status, each[0])
    kept = {"seq": row.seq, "version": row.version, "updated_at": row.updated_at}
    assert replace(folded, **kept) == row
    stored = conn.execute("SELECT host, n, status, seq FROM attempts").fetchall()
    assert {(host, n): (status, seq) for host, n, status, seq in stored} == attempts
    conn.close()

    async def next_start() -> None:
        journal = SqliteJournal(home.prepare())
        assert await journal.interrupt_unowned("its process died") == [RUN]
        record = await journal.get(RUN)
        assert record.status is Status.INTERRUPTED
        assert record.interrupted_reason == "its process died"
        assert await journal.claim(RUN) == 3
        await journal.close()

    asyncio.run(next_start())


def test_many_starters_interrupt_a_dead_run_once(tmp_path: Path):
    home = Home(tmp_path / "state")
    child = committer(home)
    assert child.stdout is not None
    with child.stdout:
        child.stdout.readline()
        child.kill()
    child.wait()

    async def go() -> None:
        journals = [SqliteJournal(home) for _ in range(5)]
        found = await asyncio.gather(*(j.interrupt_unowned("died") for j in journals))
        assert [run_id for ids in found for run_id in ids] == [RUN]
        events = [e async for e in journals[0].follow(RUN)]
        assert [e.type for e in events].count("run.finished") == 1
        for journal in journals:
            await journal.close()

    asyncio.run(go())
