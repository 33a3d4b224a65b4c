"""The thread that owns a connection: one writer, group commit, and one place for a full disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from runyard.model.errors import InternalError, RunyardError, StoreError
from runyard.store.faults import is_full, store_error
from runyard.store.home import Home

T = TypeVar("T")
GROUP = 256


class _Job(Generic[T]):
    """Work for the thread. `final`: it holds an end state, for which the ballast is freed."""

    __slots__ = ("error", "final", "future", "result", "then", "work", "write")

    def __init__(
        self,
        work: Callable[[sqlite3.Connection], T],
        future: asyncio.Future[T],
        write: bool,
        final: bool,
        then: Callable[[Any], None] | None,
    ) -> None:
        self.work = work
        self.future = future
        self.write = write
        self.final = final
        self.then = then
        self.result: T | None = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """On the event loop: give the result to whoever still waits, who then runs first."""
        if not self.future.done():
            if self.error is not None:
                self.future.set_exception(self.error)
            else:
                self.future.set_result(self.result)  # type: ignore[arg-type]
        if self.error is None and self.then is not None:
            self.then(self.result)


class Writer:
    """Runs work on one connection in a thread of its own, in the order of the calls.

    Writes that wait at the same time share a transaction. Each has its own savepoint: one that
    fails takes no other with it. `home` None is a database in memory.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], home: Home | None) -> None:
        self._connect = connect
        self._home = home
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def call(
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        write: bool = False,
        final: bool = False,
        then: Callable[[T], None] | None = None,
    ) -> asyncio.Future[T]:
        """Queue `work`; `then` gets its result on the loop, even if nobody waits for it."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_exception(StoreError("the journal is closed", retryable=False))
            return future
        self._jobs.put(_Job(work, future, write, final, then))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
            self._thread.start()
        return future

    def close(self) -> None:
        """Finish what is queued, close the connection, end the thread. Idempotent."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        conn: sqlite3.Connection | None = None
        held: _Job[Any] | None = None
        while True:
            job = held or self._jobs.get()
            held = None
            if job is None:
                break
            group = [job]
            if job.write:
                held, ended = self._gather(group)
            else:
                ended = False
            try:
                if conn is None:
                    conn = self._open()
                self._do(conn, group)
            except Exception as error:
                for each in group:
                    each.error = each.error or self._translate(error)
            _settle(group)
            if ended:
                break
        if conn is not None:
            conn.close()

    def _gather(self, group: list[_Job[Any]]) -> tuple[_Job[Any] | None, bool]:
        """Add the writes that wait; gives what must come after them, and whether to end."""
        while len(group) < GROUP:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                return None, True
            if not job.write:
                return job, False
            group.append(job)
        return None, False

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except (sqlite3.Error, OSError) as error:
            # Readers need a little room too (the shared-memory file).
            if self._home and is_full(error, self._home.root) and self._home.free_ballast():
                return self._connect()
            raise

    def _do(self, conn: sqlite3.Connection, group: list[_Job[Any]]) -> None:
        if not group[0].write:
            group[0].result = group[0].work(conn)
        elif len(group) == 1:
            self._alone(conn, group[0])
        elif not self._together(conn, group):
            for job in group:
                job.error = job.result = None
                self._alone(conn, job)

    def _together(self, conn: sqlite3.Connection, group: list[_Job[Any]]) -> bool:
        """All in one transaction; False when that failed as a whole and nothing was written."""
        try:
            conn.execute("BEGIN IMMEDIATE")
            for job in group:
                conn.execute("SAVEPOINT job")
                try:
                    job.result = job.work(conn)
                except RunyardError as error:
                    job.error = error
                    conn.execute("ROLLBACK TO job")
                conn.execute("RELEASE job")
            conn.execute("COMMIT")
        except Exception:
            _rollback(conn)
            return False
        return True

    def _alone(self, conn: sqlite3.Connection, job: _Job[Any]) -> None:
        try:
            self._transact(conn, job)
        except Exception as error:
            job.error = self._translate(error)
            home = self._home
            full = home is not None and is_full(error, home.root)
            if full and job.final and home is not None and home.free_ballast():
                try:
                    self._transact(conn, job)
                    job.error = None
                except Exception as again:
                    job.error = self._translate(again)

    @staticmethod
    def _transact(conn: sqlite3.Connection, job: _Job[Any]) -> None:
        try:
            conn.execute("BEGIN IMMEDIATE")
            job.result = job.work(conn)
            conn.execute("COMMIT")
        except BaseException:
            _rollback(conn)
            raise

    def _translate(self, error: Exception) -> RunyardError:
        if isinstance(error, sqlite3.Error | OSError) and self._home is not None:
            return store_error(error, self._home.database)
        if isinstance(error, sqlite3.Error):
            return StoreError(f"journal in memory: {error}")
        if isinstance(error, RunyardError):
            return error
        return InternalError.of(error, "journal")


def _rollback(conn: sqlite3.Connection) -> None:
    # After some errors SQLite has rolled back already.
    if conn.in_transaction:
        conn.execute("ROLLBACK")


def _settle(group: list[_Job[Any]]) -> None:
    loop = group[0].future.get_loop()
    try:
        loop.call_soon_threadsafe(_settle_on_loop, group)
    except RuntimeError:
        # The loop was closed while we wrote: nobody waits any more, and the write stands.
        return


def _settle_on_loop(group: list[_Job[Any]]) -> None:
    for job in group:
        job.settle()
