"""What the journal does within a transaction: plain functions of a connection, no threads."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import replace

from runyard.model.errors import ConflictError, FencedError, NotFoundError
from runyard.model.event import Event, NewEvent
from runyard.model.status import Status, check_run_transition
from runyard.store import records
from runyard.store.fold import RunRow, fold
from runyard.store.queries import load_queries

Encoded = tuple[NewEvent, str]


def encode(events: Sequence[NewEvent]) -> list[Encoded]:
    """Events with their data as JSON; done before the transaction, by whoever asks for it."""
    return [(event, records.encode(dict(event.data))) for event in events]


class Ledger:
    """The writes of a journal. The caller begins and ends the transaction.

    Every method may raise sqlite3.Error; `row` and all that take a run id raise NotFoundError.
    """

    def __init__(self) -> None:
        self.sql = load_queries("sqlite")

    def row(self, conn: sqlite3.Connection, run_id: str) -> RunRow:
        """The run's own row."""
        found = conn.execute(self.sql["run"], {"run_id": run_id}).fetchone()
        if found is None:
            raise NotFoundError(
                f"no run {run_id!r}", code="RUN", hint="`runyard runs` lists those there are"
            )
        return records.run_row(found)

    def create(
        self, conn: sqlite3.Connection, row: RunRow, spec: str, events: Sequence[Encoded]
    ) -> int:
        """Insert a run with its first events; returns its epoch."""
        cursor = conn.execute(self.sql["insert_run"], {**row.params(), "status": "queued"})
        if cursor.rowcount != 1:
            raise ConflictError(
                f"run {row.run_id} exists already",
                code="RUN_EXISTS",
                hint=f"see it with `runyard show {row.run_id}`; give another --run-id, or none",
            )
        row = replace(row, id=cursor.lastrowid or 0)
        conn.execute(self.sql["insert_spec"], {"run": row.id, "data": spec})
        self.append(conn, row, events)
        return row.epoch

    def commit(
        self, conn: sqlite3.Connection, run_id: str, epoch: int, events: Sequence[Encoded]
    ) -> list[Event]:
        """Append events when `epoch` is the run's."""
        row = self.row(conn, run_id)
        if row.epoch != epoch:
            raise FencedError(
                f"run {run_id} has a newer owner (epoch {row.epoch}, this one has {epoch})"
            )
        return self.append(conn, row, events)

    def claim(self, conn: sqlite3.Connection, run_id: str, owner: str) -> int:
        """Raise the epoch, resume what has ended or was left; returns the epoch."""
        row = self.row(conn, run_id)
        resumes = row.status is not Status.QUEUED
        if resumes and row.status is not Status.RUNNING:
            check_run_transition(row.status, Status.RUNNING, resume=True)
            conn.execute(self.sql["void_cancels"], {"run": row.id})
        data = {"epoch": row.epoch + 1, "owner": owner}
        event = NewEvent("run.resumed" if resumes else "run.claimed", data=data)
        self.append(conn, row, encode([event]))
        return row.epoch + 1

    def interrupt(self, conn: sqlite3.Connection, run_id: str, epoch: int, reason: str) -> bool:
        """End a run whose owner is dead; False when it has ended, or was claimed since."""
        row = self.row(conn, run_id)
        if row.epoch != epoch or row.status is None or row.status.is_final:
            return False
        data = {
            "status": str(Status.INTERRUPTED),
            "message": reason,
            "interrupted_reason": reason,
            "epoch": row.epoch + 1,
        }
        self.append(conn, row, encode([NewEvent("run.finished", data=data)]))
        return True

    def post(self, conn: sqlite3.Connection, run_id: str, kind: str, data: str) -> int:
        """Insert a control; returns its id."""
        row = self.row(conn, run_id)
        if row.status is not None and row.status.is_final:
            raise ConflictError(f"run {run_id} has ended ({row.status})", code="RUN_FINAL")
        params = {"run": row.id, "kind": kind, "data": data, "at": time.time()}
        return conn.execute(self.sql["insert_control"], params).lastrowid or 0

    def delivered(self, conn: sqlite3.Connection, run_id: str, seq: int, reader: str) -> None:
        """Move a reader's mark in the outbox forward."""
        params = {"run": self.row(conn, run_id).id, "seq": seq, "reader": reader}
        conn.execute(self.sql["delivered"], {**params, "at": time.time()})

    def lease(self, conn: sqlite3.Connection, resource: str, holder: str, seconds: float) -> int:
        """Take or renew a lease; returns its epoch."""
        now = time.time()
        params = {"resource": resource, "holder": holder, "now": now}
        taken = conn.execute(
            self.sql["take_lease"], {**params, "expires_at": now + seconds}
        ).fetchone()
        if taken is not None:
            return int(taken[0])
        other = conn.execute(self.sql["lease_holder"], params).fetchone()
        raise ConflictError(
            f"{resource} is held by {other[0] if other else 'another'}", code="LEASE_HELD"
        )

    def release(self, conn: sqlite3.Connection, resource: str, holder: str) -> None:
        """End a lease."""
        conn.execute(self.sql["free_lease"], {"resource": resource, "holder": holder})

    def delete(self, conn: sqlite3.Connection, run_id: str) -> None:
        """Remove a run that has ended, and everything about it."""
        found = conn.execute(self.sql["run"], {"run_id": run_id}).fetchone()
        if found is None:
            return
        row = records.run_row(found)
        if row.status is None or not row.status.is_final:
            raise ConflictError(f"run {run_id} has not ended", code="RUN_ACTIVE")
        for table in ("events", "steps", "attempts", "controls", "outbox", "spec", "run"):
            conn.execute(self.sql[f"delete_{table}"], {"run": row.id})

    def append(
        self, conn: sqlite3.Connection, row: RunRow, encoded: Sequence[Encoded]
    ) -> list[Event]:
        """Number, store and fold events; the run's row is written once, at the end."""
        before, seq, version, now = row, row.seq, row.version + 1, time.time()
        events = []
        for new, data in encoded:
            seq += 1
            event = Event(row.run_id, seq, now, new.type, new.step, new.host, new.data)
            row, changes = fold(row, event)
            place = {"run": row.id, "seq": seq, "at": now, "step": new.step, "host": new.host}
            conn.execute(
                self.sql["insert_event"],
                {**place, "version": version, "type": new.type, "data": data},
            )
            for change in changes:
                conn.execute(self.sql[change.query], {**place, **change.params})
            events.append(event)
        count = {"id": row.id, "seq": seq, "version": version, "updated_at": now}
        if row is before:
            conn.execute(self.sql["count_run"], count)
        else:
            conn.execute(self.sql["update_run"], {**row.params(), **count})
        return events
