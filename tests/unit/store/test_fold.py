from __future__ import annotations

import ast
import json
import random
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runyard.model.errors import ConflictError
from runyard.model.event import Event, NewEvent
from runyard.model.run import SWEPT
from runyard.model.status import Status
from runyard.store.fold import EVENTS, LATE, RULES, RunRow, fold
from runyard.store.ledger import Ledger, encode
from runyard.store.migrate import connect

RUN = "run-00000001"
NEW = RunRow(0, RUN, "workflow", "deploy", "1", "runs/x/owner.lock")


def result(status: str, attempt: int) -> dict[str, Any]:
    return {"status": status, "attempt": attempt, "started_at": 1.0, "ended_at": 2.0}


def history(seed: int) -> list[NewEvent]:
    """A plausible life of a run with steps, retries, an interruption and a resume."""
    dice = random.Random(seed)
    events = [NewEvent("run.started")]
    epoch = 1
    for i in range(dice.randrange(1, 6)):
        step = f"step{i}"
        hosts = [f"h{k}" for k in range(dice.randrange(1, 4))]
        events.append(NewEvent("step.started", step, data={"hosts": hosts}))
        for host in hosts:
            tries = dice.randrange(1, 4)
            for n in range(1, tries + 1):
                events.append(NewEvent("attempt.started", step, host, {"n": n}))
                if dice.random() < 0.15:
                    epoch += 1
                    end = {"status": "interrupted", "interrupted_reason": "x", "epoch": epoch}
                    events.append(NewEvent("run.finished", data=end))
                    epoch += 1
                    events.append(NewEvent("run.resumed", data={"epoch": epoch, "owner": "o"}))
                if n < tries:
                    data = {"n": n, "result": result("failed", n)}
                    events.append(NewEvent("attempt.finished", step, host, data))
            data = {"result": result(dice.choice(["success", "failed", "timeout"]), tries)}
            events.append(NewEvent("result.reached", step, host, data))
        if dice.random() < 0.2:
            data = {"result": result("skipped", 0)}
            events.append(NewEvent("result.reached", step, "late", data))
        events.append(NewEvent("step.finished", step, data={"status": "success", "message": "m"}))
    events.append(NewEvent("run.finished", data={"status": "failed", "error": {"message": "e"}}))
    events.append(NewEvent("notify.failed", data={"error": "no route"}))
    return events


def rows(conn: sqlite3.Connection) -> dict[str, list[Any]]:
    return {
        table: conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4").fetchall()
        for table in ("runs", "steps", "attempts")
    }


@pytest.mark.parametrize("seed", range(25))
def test_folding_the_log_again_gives_the_rows(seed: int, tmp_path: Path):
    ledger, conn = Ledger(), connect(None)
    ledger.create(conn, NEW, "{}", encode([NewEvent("run.queued")]))
    epoch = 1
    for event in history(seed):
        row = ledger.row(conn, RUN)
        ledger.append(conn, row, encode([event]))
        epoch = ledger.row(conn, RUN).epoch
    stored = rows(conn)
    assert ledger.row(conn, RUN).epoch == epoch

    # Only the log is left; everything is folded from it.
    log = conn.execute("SELECT seq, at, type, step, host, data, version FROM events").fetchall()
    conn.execute("DELETE FROM steps")
    conn.execute("DELETE FROM attempts")
    again = replace(NEW, id=1)
    for seq, at, type_, step, host, data, version in log:
        event = Event(RUN, seq, at, type_, step, host, json.loads(data))
        again, changes = fold(again, event)
        again = replace(again, seq=seq, version=version, updated_at=at)
        for change in changes:
            place = {"run": 1, "seq": seq, "at": at, "step": step, "host": host}
            conn.execute(ledger.sql[change.query], {**place, **change.params})
    conn.execute(ledger.sql["update_run"], again.params())
    assert rows(conn) == stored
    conn.close()


def test_a_run_needs_its_beginning_first():
    with pytest.raises(ConflictError):
        fold(NEW, Event(RUN, 1, 1.0, "run.finished", data={"status": "success"}))


@pytest.mark.parametrize("status", [s for s in Status if s.is_final])
@pytest.mark.parametrize("type_", sorted(RULES.keys() - LATE - {"run.resumed"}))
def test_nothing_follows_an_end(status: Status, type_: str):
    with pytest.raises(ConflictError) as caught:
        fold(replace(NEW, status=status), Event(RUN, 9, 1.0, type_))
    assert caught.value.code == "RUN_FINAL"


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
def test_only_a_run_that_has_ended_is_swept(status: Status):
    event = Event(RUN, 9, 1.0, "run.swept", data={"ended": 1, "survivors": 0})
    with pytest.raises(ConflictError):
        fold(replace(NEW, status=status), event)


@pytest.mark.parametrize("status", [s for s in Status if s.is_final])
def test_a_sweep_settles_what_it_has_ended(status: Status):
    data = {"ended": 1, "survivors": 0, "settled": [["s", "h", 2]]}
    run = replace(NEW, status=status)
    after, changes = fold(run, Event(RUN, 9, 1.0, "run.swept", data=data))
    assert after == run
    assert [change.query for change in changes] == ["settle_attempt", "sweep_attempts"]
    assert dict(changes[0].params) == {"step": "s", "host": "h", "n": 2, "message": SWEPT}
    _, changes = fold(run, Event(RUN, 9, 1.0, "run.swept", data={**data, "unreached": {"g": "no"}}))
    assert [change.query for change in changes] == ["settle_attempt"]


def test_success_is_not_resumed():
    with pytest.raises(ConflictError):
        fold(replace(NEW, status=Status.SUCCESS), Event(RUN, 9, 1.0, "run.resumed"))


def test_an_event_without_a_rule_changes_no_row():
    row = replace(NEW, status=Status.RUNNING)
    assert fold(row, Event(RUN, 2, 1.0, "warning.raised")) == (row, ())


def test_the_reference_lists_exactly_the_events_that_there_are(root: Path):
    text = (root / "docs" / "reference" / "events.md").read_text(encoding="utf-8")
    documented = {
        line.split("`")[1]: set(line.split("|")[2].replace("`", "").split())
        for line in text.splitlines()
        if line.startswith("| `") and "." in line.split("`")[1]
    }
    assert documented == {name: set(fields) for name, fields in EVENTS.items()}
    assert set(RULES) <= set(EVENTS)


def test_every_event_that_the_program_writes_is_known(root: Path):
    written = {
        node.args[0].value
        for path in (root / "src" / "runyard").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "NewEvent"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert "result.reached" in written
    assert written <= set(EVENTS)
