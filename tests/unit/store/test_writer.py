from __future__ import annotations

import asyncio
import sqlite3
import threading
from functools import partial

import pytest

from runyard.model.errors import ConflictError, InternalError, StoreError
from runyard.store.migrate import connect
from runyard.store.writer import Writer


def write(value: int, conn: sqlite3.Connection) -> int:
    conn.execute(
        "INSERT INTO controls (run, kind, data, at) VALUES (1, 'x', :value, 0)", {"value": value}
    )
    return value


def fail(error: Exception, conn: sqlite3.Connection) -> None:
    write(-1, conn)
    raise error


def values(conn: sqlite3.Connection) -> list[int]:
    return [int(row[0]) for row in conn.execute("SELECT data FROM controls ORDER BY id")]


def run(function) -> None:
    async def main() -> None:
        writer = Writer(partial(connect, None), None)
        try:
            await function(writer)
        finally:
            writer.close()

    asyncio.run(main())


def test_reads_and_writes_keep_the_order_of_the_calls():
    async def go(writer: Writer) -> None:
        gate = threading.Event()
        first = writer.call(lambda conn: gate.wait(10))
        calls = []
        for i in range(10):
            calls += [writer.call(partial(write, i), write=True), writer.call(values)]
        gate.set()
        await first
        for i in range(10):
            assert await calls[2 * i] == i
            assert await calls[2 * i + 1] == list(range(i + 1))

    run(go)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConflictError("no"), ConflictError),
        (KeyError("no"), InternalError),
        (sqlite3.OperationalError("no"), StoreError),
    ],
)
def test_in_a_group_each_failure_is_its_own(error: Exception, kind: type[Exception]):
    async def go(writer: Writer) -> None:
        gate = threading.Event()
        first = writer.call(lambda conn: gate.wait(10))
        calls = [
            writer.call(partial(fail, error) if i % 3 == 1 else partial(write, i), write=True)
            for i in range(9)
        ]
        gate.set()
        await first
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [int, kind, int] * 3
        assert await writer.call(values) == [0, 2, 3, 5, 6, 8]

    run(go)


def test_a_waiting_group_is_one_transaction():
    async def go(writer: Writer) -> None:
        seen: list[str] = []
        await writer.call(lambda conn: conn.set_trace_callback(seen.append))
        gate = threading.Event()
        first = writer.call(lambda conn: gate.wait(10))
        calls = [writer.call(partial(write, i), write=True) for i in range(50)]
        gate.set()
        await first
        await asyncio.gather(*calls)
        assert [text for text in seen if text.startswith(("BEGIN", "COMMIT"))] == [
            "BEGIN IMMEDIATE",
            "COMMIT",
        ]

    run(go)


def test_close_finishes_what_is_queued():
    async def go(writer: Writer) -> None:
        calls = [writer.call(partial(write, i), write=True) for i in range(20)]
        writer.close()
        assert await asyncio.gather(*calls) == list(range(20))
        with pytest.raises(StoreError, match="closed"):
            await writer.call(values)

    run(go)


def test_a_database_that_cannot_be_opened_fails_each_call_and_may_come_back():
    ready = False

    def open_it() -> sqlite3.Connection:
        if not ready:
            raise sqlite3.OperationalError("not yet")
        return connect(None)

    async def main() -> None:
        nonlocal ready
        writer = Writer(open_it, None)
        for _ in range(2):
            with pytest.raises(StoreError, match="not yet"):
                await writer.call(partial(write, 1), write=True)
        ready = True
        assert await writer.call(partial(write, 1), write=True) == 1
        writer.close()

    asyncio.run(main())
