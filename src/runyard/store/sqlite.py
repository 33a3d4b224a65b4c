"""The Journal on SQLite, in a file or in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from runyard.model.errors import ConflictError
from runyard.model.event import Event, NewEvent
from runyard.model.ids import check_run_id
from runyard.model.run import RunFilter, RunRecord
from runyard.model.status import Status, check_run_transition
from runyard.store import records
from runyard.store.fold import END_STATES, RunRow
from runyard.store.home import Home
from runyard.store.journal import AttemptRow, Control, Notice
from runyard.store.ledger import Ledger, encode
from runyard.store.migrate import connect
from runyard.store.notices import notice
from runyard.store.wakeups import Wakeups
from runyard.store.writer import Writer

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
PAGE = 1000


class SqliteJournal:
    """See `Journal`. `home` None keeps everything in memory, for this object alone.

    The database is opened by the first call, in the journal's thread.
    """

    def __init__(self, home: Home | None) -> None:
        open_it = partial(connect, None if home is None else home.database)
        self._home = home
        self._ledger = Ledger()
        self._sql = self._ledger.sql
        self._writer = Writer(open_it, home)
        # A long read must not hold up commits; a database in memory has one connection only.
        self._reader = self._writer if home is None else Writer(open_it, home)
        self._wakeups = Wakeups(None if home is None else self._data_version)

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
            id=0,
            run_id=run_id,
            kind=record.kind,
            workflow_name=record.workflow_name,
            workflow_version=record.workflow_version,
            owner=_owner(run_id, owner),
        )
        text, encoded = records.encode(dict(spec)), encode(events)
        return await self._write(run_id, lambda c: self._ledger.create(c, row, text, encoded))

    async def commit(self, run_id: str, epoch: int, events: Sequence[NewEvent]) -> list[Event]:
        if not events:
            return []
        encoded = encode(events)
        return await self._writer.call(
            lambda c: self._ledger.commit(c, run_id, epoch, encoded),
            write=True,
            final=_ends(events),
            then=partial(self._wakeups.wake, run_id),
        )

    async def claim(self, run_id: str, owner: str | None = None) -> int:
        name = _owner(run_id, owner)
        return await self._write(run_id, lambda c: self._ledger.claim(c, run_id, name))

    async def post(self, run_id: str, kind: str, data: Mapping[str, Any]) -> int:
        text = records.encode(dict(data))
        return await self._write(run_id, lambda c: self._ledger.post(c, run_id, kind, text))

    async def interrupt_unowned(self, reason: str) -> list[str]:
        return [
            record.run_id
            for record in await self.unowned()
            if await self._interrupt(record.run_id, record.epoch, reason)
        ]

    async def _interrupt(self, run_id: str, epoch: int, reason: str) -> bool:
        if self._home is None:
            return False
        try:
            # Held over the write, so that nobody resumes the run in the same moment.
            ownership = self._home.own(run_id)
        except ConflictError:
            return False
        with ownership:
            return await self._write(
                run_id, lambda c: self._ledger.interrupt(c, run_id, epoch, reason), final=True
            )

    async def delivered(self, run_id: str, seq: int, reader: str = "notifier") -> None:
        await self._writer.call(
            lambda c: self._ledger.delivered(c, run_id, seq, reader), write=True
        )

    async def lease(self, resource: str, holder: str, seconds: float) -> int:
        return await self._writer.call(
            lambda c: self._ledger.lease(c, resource, holder, seconds), write=True
        )

    async def release(self, resource: str, holder: str) -> None:
        await self._writer.call(lambda c: self._ledger.release(c, resource, holder), write=True)

    async def delete(self, run_id: str) -> None:
        await self._write(run_id, lambda c: self._ledger.delete(c, run_id))

    async def get(self, run_id: str, *, outputs: bool = True) -> RunRecord:
        def work(conn: sqlite3.Connection) -> RunRecord:
            # One snapshot for the three reads.
            conn.execute("BEGIN")
            try:
                row = self._ledger.row(conn, run_id)
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
            key = {"run": self._ledger.row(conn, run_id).id}
            return records.decode(conn.execute(self._sql["spec"], key).fetchone()[0])

        return await self._reader.call(work)

    async def events(self, run_id: str, after: int = 0, limit: int = 1000) -> list[Event]:
        return (await self._events(run_id, after, limit))[0]

    async def attempts(self, run_id: str) -> list[AttemptRow]:
        def work(conn: sqlite3.Connection) -> list[AttemptRow]:
            key = {"run": self._ledger.row(conn, run_id).id}
            return [records.attempt(row) for row in conn.execute(self._sql["attempts"], key)]

        return await self._reader.call(work)

    async def controls(self, run_id: str, after: int = 0) -> list[Control]:
        def work(conn: sqlite3.Connection) -> list[Control]:
            params = {"run": self._ledger.row(conn, run_id).id, "after": after}
            rows = conn.execute(self._sql["controls"], params)
            return [Control(id, kind, records.decode(data), at) for id, kind, data, at in rows]

        return await self._reader.call(work)

    async def unowned(self) -> list[RunRecord]:
        home = self._home
        if home is None:
            return []

        def work(conn: sqlite3.Connection) -> list[RunRecord]:
            rows = [records.run_row(row) for row in conn.execute(self._sql["unfinished"])]
            return [records.run_record(row) for row in rows if not home.is_locked(row.owner)]

        return await self._reader.call(work)

    async def notices(self, run_id: str, reader: str = "notifier") -> list[Notice]:
        def work(conn: sqlite3.Connection) -> list[Notice]:
            run = self._ledger.row(conn, run_id)
            params = {"run": run.id, "reader": reader}
            rows = conn.execute(self._sql["notices"], params)
            found = (notice(run, records.event(run_id, row), row[6]) for row in rows)
            return [each for each in found if each is not None]

        return await self._reader.call(work)

    async def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        with self._wakeups.listen(run_id) as bell:
            while True:
                fresh = [event for event in bell.take() if event.seq > after]
                if fresh and fresh[0].seq == after + 1 and not _ends(fresh):
                    events, status = fresh, Status.RUNNING
                else:
                    events, status = await self._events(run_id, after, PAGE)
                for event in events:
                    yield event
                    after = event.seq
                if len(events) < PAGE:
                    if status.is_final:
                        return
                    await bell.wait()

    async def follow_controls(self, run_id: str, after: int = 0) -> AsyncIterator[Control]:
        with self._wakeups.listen(_controls(run_id)) as bell:
            while True:
                bell.take()
                for control in await self.controls(run_id, after):
                    yield control
                    after = control.id
                await bell.wait()

    async def close(self) -> None:
        self._writer.close()
        self._reader.close()
        self._wakeups.wake_all()

    async def _write(self, run_id: str, work: Work[T], *, final: bool = False) -> T:
        def told(_: T) -> None:
            self._wakeups.wake(run_id)
            self._wakeups.wake(_controls(run_id))

        return await self._writer.call(work, write=True, final=final, then=told)

    async def _events(self, run_id: str, after: int, limit: int) -> tuple[list[Event], Status]:
        """Events, and the status as it was just before they were read."""

        def work(conn: sqlite3.Connection) -> tuple[list[Event], Status]:
            row = self._ledger.row(conn, run_id)
            params = {"run": row.id, "after": after, "limit": limit}
            rows = conn.execute(self._sql["events"], params)
            return [records.event(run_id, each) for each in rows], row.status or Status.QUEUED

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

        def work(conn: sqlite3.Connection) -> list[RunRecord]:
            rows = conn.execute(self._sql["runs"], params).fetchall()
            return [records.run_record(records.run_row(row)) for row in rows]

        return await self._reader.call(work)


def _ends(events: Iterable[Event | NewEvent]) -> bool:
    return any(event.type in END_STATES for event in events)


def _controls(run_id: str) -> str:
    """The topic of who follows what is asked of a run, and not what happens in it."""
    return f"{run_id}/controls"


def _owner(run_id: str, owner: str | None) -> str:
    return f"runs/{run_id}/owner.lock" if owner is None else owner
