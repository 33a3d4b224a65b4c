"""The Journal on SQLite, in a file or in memory."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from runyard.model.errors import ConflictError, FencedError, NotFoundError
from runyard.model.event import Event, NewEvent
from runyard.model.ids import check_run_id
from runyard.model.run import RunFilter, RunRecord
from runyard.model.status import Status, check_run_transition
from runyard.store import records
from runyard.store.fold import END_STATES, Change, RunRow, fold
from runyard.store.home import Home
from runyard.store.journal import AttemptRow, Control, Notice
from runyard.store.migrate import connect
from runyard.store.notices import notice
from runyard.store.queries import load_queries
from runyard.store.wakeups import Wakeups
from runyard.store.writer import Writer

T = TypeVar("T")
Encoded = tuple[NewEvent, str]
Write = Callable[[sqlite3.Connection], T]


class SqliteJournal:
    """See `Journal`. `home` None keeps everything in memory, for this object alone.

    The database is opened by the first call, in the journal's thread.
    """

    def __init__(self, home: Home | None) -> None:
        path: Path | None = None if home is None else home.database
        self._home = home
        self._sql = load_queries("sqlite")
        self._writer = Writer(partial(connect, path), home)
        # A long read must not hold up commits; a database in memory has one connection only.
        self._reader = self._writer if home is None else Writer(partial(connect, path), home)
        self._wakeups = Wakeups(None if home is None else self._data_version)

    # -- writing

    async def create(
        self,
        record: RunRecord,
        spec: Mapping[str, Any],
        events: Sequence[NewEvent] = (),
        owner: str | None = None,
    ) -> int:
        run_id = check_run_id(record.run_id)
        if not any(event.type in ("run.queued", "run.started") for event in events):
            check_run_transition(None, record.status)
            first = "run.queued" if record.status is Status.QUEUED else "run.started"
            events = [NewEvent(first), *events]
        row = RunRow(
            0, run_id, record.kind, record.workflow_name, record.workflow_version,
            _owner(run_id, owner),
        )  # fmt: skip
        encoded, text = _encode(events), records.encode(dict(spec))

        def work(conn: sqlite3.Connection) -> int:
            new = {**row.params(), "status": Status.QUEUED}
            cursor = conn.execute(self._sql["insert_run"], new)
            if cursor.rowcount != 1:
                raise ConflictError(
                    f"run {run_id} exists already",
                    code="RUN_EXISTS",
                    hint=f"`runyard show {run_id}`; give another --run-id, or none",
                )
            inserted = replace(row, id=cursor.lastrowid or 0)
            conn.execute(self._sql["insert_spec"], {"run": inserted.id, "data": text})
            self._append(conn, inserted, encoded)
            return inserted.epoch

        return await self._write(run_id, work)

    async def commit(self, run_id: str, epoch: int, events: Sequence[NewEvent]) -> list[Event]:
        encoded = _encode(events)
        if not encoded:
            return []

        def work(conn: sqlite3.Connection) -> list[Event]:
            row = self._row(conn, run_id)
            if row.epoch != epoch:
                raise FencedError(
                    f"run {run_id} has a newer owner (epoch {row.epoch}, this one has {epoch})"
                )
            return self._append(conn, row, encoded)

        return await self._write(
            run_id, work, final=any(event.type in END_STATES for event in events)
        )

    async def claim(self, run_id: str, owner: str | None = None) -> int:
        def work(conn: sqlite3.Connection) -> int:
            row = self._row(conn, run_id)
            resumes = row.status is not Status.QUEUED
            if resumes and row.status is not Status.RUNNING:
                check_run_transition(row.status, Status.RUNNING, resume=True)
                conn.execute(self._sql["void_cancels"], {"run": row.id})
            data = {"epoch": row.epoch + 1, "owner": _owner(run_id, owner)}
            event = NewEvent("run.resumed" if resumes else "run.claimed", data=data)
            self._append(conn, row, _encode([event]))
            return row.epoch + 1

        return await self._write(run_id, work)

    async def post(self, run_id: str, kind: str, data: Mapping[str, Any]) -> int:
        text = records.encode(dict(data))

        def work(conn: sqlite3.Connection) -> int:
            row = self._row(conn, run_id)
            if row.status is not None and row.status.is_final:
                raise ConflictError(f"run {run_id} has ended ({row.status})", code="RUN_FINAL")
            params = {"run": row.id, "kind": kind, "data": text, "at": time.time()}
            return conn.execute(self._sql["insert_control"], params).lastrowid or 0

        return await self._write(run_id, work)

    async def interrupt_unowned(self, reason: str) -> list[str]:
        done: list[str] = []
        for record in await self.unowned():
            if await self._interrupt(record.run_id, reason):
                done.append(record.run_id)
        return done

    async def _interrupt(self, run_id: str, reason: str) -> bool:
        """Under the run's flock, so that nobody resumes it in the same moment."""
        if self._home is None:
            return False
        try:
            ownership = self._home.own(run_id)
        except ConflictError:
            return False

        def work(conn: sqlite3.Connection) -> bool:
            row = self._row(conn, run_id)
            if row.status is None or row.status.is_final:
                return False
            data = {
                "status": str(Status.INTERRUPTED),
                "message": "interrupted",
                "interrupted_reason": reason,
                "epoch": row.epoch + 1,
            }
            self._append(conn, row, _encode([NewEvent("run.finished", data=data)]))
            return True

        with ownership:
            return await self._write(run_id, work, final=True)

    async def delivered(self, run_id: str, seq: int, reader: str = "notifier") -> None:
        def work(conn: sqlite3.Connection) -> None:
            params = {"run": self._row(conn, run_id).id, "seq": seq, "reader": reader}
            conn.execute(self._sql["delivered"], {**params, "at": time.time()})

        await self._writer.call(work, write=True)

    async def lease(self, resource: str, holder: str, seconds: float) -> int:
        def work(conn: sqlite3.Connection) -> int:
            now = time.time()
            params = {"resource": resource, "holder": holder, "now": now}
            sql = self._sql["take_lease"]
            taken = conn.execute(sql, {**params, "expires_at": now + seconds}).fetchone()
            if taken is not None:
                return int(taken[0])
            other = conn.execute(self._sql["lease_holder"], params).fetchone()
            raise ConflictError(
                f"{resource} is held by {other[0] if other else 'another'}", code="LEASE_HELD"
            )

        return await self._writer.call(work, write=True)

    async def release(self, resource: str, holder: str) -> None:
        def work(conn: sqlite3.Connection) -> None:
            conn.execute(self._sql["free_lease"], {"resource": resource, "holder": holder})

        await self._writer.call(work, write=True)

    async def delete(self, run_id: str) -> None:
        def work(conn: sqlite3.Connection) -> None:
            found = conn.execute(self._sql["run"], {"run_id": run_id}).fetchone()
            if found is None:
                return
            row = records.run_row(found)
            if row.status is None or not row.status.is_final:
                raise ConflictError(f"run {run_id} has not ended", code="RUN_ACTIVE")
            for table in ("events", "steps", "attempts", "controls", "outbox", "spec"):
                conn.execute(self._sql[f"delete_{table}"], {"run": row.id})
            conn.execute(self._sql["delete_run"], {"id": row.id})

        await self._write(run_id, work)

    # -- reading

    async def get(self, run_id: str, *, outputs: bool = True) -> RunRecord:
        def work(conn: sqlite3.Connection) -> RunRecord:
            # One snapshot for the three reads.
            conn.execute("BEGIN")
            try:
                row = self._row(conn, run_id)
                key = {"run": row.id}
                steps = conn.execute(self._sql["steps"], key).fetchall()
                attempts = conn.execute(
                    self._sql["attempts" if outputs else "attempts_bare"], key
                ).fetchall()
            finally:
                conn.execute("ROLLBACK")
            record = records.run_record(row)
            record.steps = records.step_records(steps, attempts)
            return record

        return await self._reader.call(work)

    async def spec(self, run_id: str) -> dict[str, Any]:
        def work(conn: sqlite3.Connection) -> dict[str, Any]:
            key = {"run": self._row(conn, run_id).id}
            return records.decode(conn.execute(self._sql["spec"], key).fetchone()[0])

        return await self._reader.call(work)

    async def events(self, run_id: str, after: int = 0, limit: int = 1000) -> list[Event]:
        return (await self._events(run_id, after, limit))[0]

    async def attempts(self, run_id: str) -> list[AttemptRow]:
        def work(conn: sqlite3.Connection) -> list[AttemptRow]:
            key = {"run": self._row(conn, run_id).id}
            return [records.attempt(row) for row in conn.execute(self._sql["attempts"], key)]

        return await self._reader.call(work)

    async def controls(self, run_id: str, after: int = 0) -> list[Control]:
        def work(conn: sqlite3.Connection) -> list[Control]:
            params = {"run": self._row(conn, run_id).id, "after": after}
            rows = conn.execute(self._sql["controls"], params)
            return [Control(id, kind, records.decode(data), at) for id, kind, data, at in rows]

        return await self._reader.call(work)

    async def unowned(self) -> list[RunRecord]:
        home = self._home
        if home is None:
            return []

        def work(conn: sqlite3.Connection) -> list[RunRecord]:
            rows = map(records.run_row, conn.execute(self._sql["unfinished"]).fetchall())
            return [records.run_record(row) for row in rows if not home.is_locked(row.owner)]

        return await self._reader.call(work)

    async def notices(self, run_id: str, reader: str = "notifier") -> list[Notice]:
        def work(conn: sqlite3.Connection) -> list[Notice]:
            run = self._row(conn, run_id)
            params = {"run": run.id, "reader": reader, "limit": 1000}
            rows = conn.execute(self._sql["notices"], params).fetchall()
            found = (notice(run, records.event(run_id, row), row[6]) for row in rows)
            return [each for each in found if each is not None]

        return await self._reader.call(work)

    async def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        with self._wakeups.listen(run_id) as bell:
            while True:
                bell.clear()
                events, status = await self._events(run_id, after, 1000)
                for event in events:
                    yield event
                    after = event.seq
                if not events:
                    if status.is_final:
                        return
                    await bell.wait()

    async def follow_controls(self, run_id: str, after: int = 0) -> AsyncIterator[Control]:
        with self._wakeups.listen(run_id) as bell:
            while True:
                bell.clear()
                for control in await self.controls(run_id, after):
                    yield control
                    after = control.id
                await bell.wait()

    async def close(self) -> None:
        self._writer.close()
        self._reader.close()
        self._wakeups.wake_all()

    # -- within the thread

    def _row(self, conn: sqlite3.Connection, run_id: str) -> RunRow:
        found = conn.execute(self._sql["run"], {"run_id": run_id}).fetchone()
        if found is None:
            raise NotFoundError(
                f"no run {run_id!r}", code="RUN", hint="`runyard runs` lists those there are"
            )
        return records.run_row(found)

    def _append(
        self, conn: sqlite3.Connection, row: RunRow, encoded: Sequence[Encoded]
    ) -> list[Event]:
        """Number, fold and store events; the row is written once, at the end."""
        now = time.time()
        version = row.version + 1
        events = []
        for new, data in encoded:
            event = Event(row.run_id, row.seq + 1, now, new.type, new.step, new.host, new.data)
            row, changes = fold(row, event)
            place = {"run": row.id, "seq": event.seq, "at": now, "step": new.step, "host": new.host}
            conn.execute(
                self._sql["insert_event"],
                {**place, "version": version, "type": new.type, "data": data},
            )
            for change in changes:
                self.apply(conn, place, change)
            events.append(event)
        conn.execute(self._sql["update_run"], replace(row, version=version).params())
        return events

    def apply(self, conn: sqlite3.Connection, place: Mapping[str, Any], change: Change) -> None:
        """Run one change that the fold asks for."""
        params = {
            name: records.encode(value) if isinstance(value, list) else value
            for name, value in change.params.items()
        }
        conn.execute(self._sql[change.query], {**place, **params})

    async def _write(self, run_id: str, work: Write[T], *, final: bool = False) -> T:
        return await self._writer.call(
            work, write=True, final=final, then=partial(self._wakeups.wake, run_id)
        )

    async def _events(self, run_id: str, after: int, limit: int) -> tuple[list[Event], Status]:
        """Events, and the status at a moment not later than the read of the events."""

        def work(conn: sqlite3.Connection) -> tuple[list[Event], Status]:
            row = self._row(conn, run_id)
            params = {"run": row.id, "after": after, "limit": limit}
            found = [
                records.event(run_id, each) for each in conn.execute(self._sql["events"], params)
            ]
            return found, row.status or Status.QUEUED

        return await self._reader.call(work)

    async def _records(self, query: str, params: Mapping[str, Any]) -> list[RunRecord]:
        def work(conn: sqlite3.Connection) -> list[RunRecord]:
            rows = conn.execute(self._sql[query], params).fetchall()
            return [records.run_record(records.run_row(row)) for row in rows]

        return await self._reader.call(work)

    async def _data_version(self) -> int:
        def work(conn: sqlite3.Connection) -> int:
            return int(conn.execute("PRAGMA data_version").fetchone()[0])

        return await self._writer.call(work)

    async def list(self, filter: RunFilter) -> list[RunRecord]:
        params = {
            "status": filter.status,
            "workflow_name": filter.workflow_name,
            "kind": filter.kind,
            "limit": filter.limit,
        }
        return await self._records("runs", params)


def _encode(events: Sequence[NewEvent]) -> list[Encoded]:
    return [(event, records.encode(dict(event.data))) for event in events]


def _owner(run_id: str, owner: str | None) -> str:
    return f"runs/{run_id}/owner.lock" if owner is None else owner
