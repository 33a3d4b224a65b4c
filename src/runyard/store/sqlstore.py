"""A store of snapshots in the database of a state home."""

from __future__ import annotations

import json
import sqlite3
import time
from functools import partial
from typing import Any

from runyard.model.ids import check_run_id
from runyard.model.run import RunFilter, RunRecord
from runyard.store import snapshots
from runyard.store.home import Home
from runyard.store.migrate import connect
from runyard.store.queries import load_queries
from runyard.store.writer import Writer


class SqliteRunStore:
    """A RunStore on SQLite, beside the journal; `home` None keeps it in memory.

    Many processes may share it. Raises StoreError. `close` it in the end.
    """

    def __init__(self, home: Home | None) -> None:
        self._sql = load_queries("sqlite")
        self._writer = Writer(partial(connect, None if home is None else home.database), home)

    async def create_run(self, record: RunRecord) -> None:
        check_run_id(record.run_id)
        params = _params(record)

        def work(conn: sqlite3.Connection) -> None:
            if conn.execute(self._sql["insert_snapshot"], params).rowcount != 1:
                raise snapshots.exists(record.run_id)

        await self._writer.call(work, write=True)

    async def update_run(self, record: RunRecord) -> None:
        params = _params(record)

        def work(conn: sqlite3.Connection) -> None:
            snapshots.check_update(self._get(conn, record.run_id), record)
            conn.execute(self._sql["update_snapshot"], params)

        await self._writer.call(work, write=True, final=record.status.is_final)

    async def get_run(self, run_id: str) -> RunRecord:
        return await self._writer.call(lambda conn: self._get(conn, run_id))

    async def list_runs(self, filter: RunFilter) -> list[RunRecord]:
        params = {
            "status": filter.status,
            "workflow_name": filter.workflow_name,
            "kind": filter.kind,
            "limit": filter.limit,
        }

        def work(conn: sqlite3.Connection) -> list[RunRecord]:
            return [_record(row) for row in conn.execute(self._sql["snapshots"], params)]

        return await self._writer.call(work)

    async def mark_interrupted_running(self, reason: str) -> list[str]:
        def work(conn: sqlite3.Connection) -> list[str]:
            marked = []
            for row in conn.execute(self._sql["unfinished_snapshots"]).fetchall():
                ended = snapshots.interrupted(_record(row), reason, time.time())
                conn.execute(self._sql["update_snapshot"], _params(ended))
                marked.append(ended.run_id)
            return marked

        return await self._writer.call(work, write=True, final=True)

    async def close(self) -> None:
        """Let go of the database. Idempotent."""
        self._writer.close()

    def _get(self, conn: sqlite3.Connection, run_id: str) -> RunRecord:
        row = conn.execute(self._sql["snapshot"], {"run_id": run_id}).fetchone()
        if row is None:
            raise snapshots.unknown(run_id)
        return _record(row)


def _params(record: RunRecord) -> dict[str, Any]:
    return {
        "run_id": record.run_id,
        "kind": record.kind,
        "workflow_name": record.workflow_name,
        "status": record.status,
        "data": snapshots.to_json(record),
    }


def _record(row: tuple[str]) -> RunRecord:
    return snapshots.from_data(json.loads(row[0]))
