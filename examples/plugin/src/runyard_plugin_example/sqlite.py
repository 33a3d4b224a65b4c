"""The category `sqlite`: one SQL statement against a database file."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time

from runyard.model.errors import ArgumentError, ConflictError
from runyard.runners.runner import Result, RunnerContext, RunnerStatus


class SqliteRunner:
    """`command` is the database, `args` is `{"query": …, "params": […]}`; see `Runner`.

    The output is one JSON array per row.
    """

    def __init__(self, context: RunnerContext) -> None:
        self.status = RunnerStatus.PENDING
        self.result: Result | None = None
        self._database = ""
        self._query = ""
        self._params: list[object] = []
        self._timeout: float | None = None
        self._connection: sqlite3.Connection | None = None
        self._stopped = False

    def parse_args(self, command: str, args: str) -> None:
        """Take the database, the query and its parameters."""
        try:
            given = json.loads(args)
            query, params = given["query"], given.get("params", [])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ArgumentError('args must be {"query": …, "params": […]}') from None
        if not command or not isinstance(query, str) or not isinstance(params, list):
            raise ArgumentError("a database, a query and a list of params are needed")
        self._database, self._query, self._params = command, query, params

    def set_timeout(self, seconds: float) -> None:
        """Interrupt the statement after that long; 0 is unbounded."""
        if not seconds >= 0:
            raise ArgumentError("a timeout is not negative")
        self._timeout = seconds or None

    async def execute(self) -> Result:
        """Run the statement in a thread."""
        if not self._query:
            raise ArgumentError("parse_args comes before execute")
        if self.status is not RunnerStatus.PENDING:
            raise ConflictError("a runner executes once")
        self.status, started = RunnerStatus.RUNNING, time.time()
        work = asyncio.ensure_future(asyncio.to_thread(self._run))
        late = canceled = False
        try:
            done, _ = await asyncio.wait({work}, timeout=self._timeout)
            late = not done
        except asyncio.CancelledError:
            self._stopped = canceled = True
        self._interrupt()
        await asyncio.wait({work})
        self.result = result = self._judge(work, late, started)
        self.status = result.status
        if canceled:
            raise asyncio.CancelledError
        return result

    def _run(self) -> str:
        if self._stopped:
            return ""
        self._connection = sqlite3.connect(self._database, check_same_thread=False)
        try:
            with self._connection as connection:
                rows = connection.execute(self._query, self._params)
                return "".join(json.dumps(row) + "\n" for row in rows)
        finally:
            self._connection.close()
            self._connection = None

    def _judge(self, work: asyncio.Future[str], late: bool, started: float) -> Result:
        ended, error = time.time(), work.exception()
        if late:
            status = RunnerStatus.TIMEOUT
        elif self._stopped:
            status = RunnerStatus.CANCELED
        else:
            status = RunnerStatus.SUCCESS if error is None else RunnerStatus.FAILED
        good = status is RunnerStatus.SUCCESS
        return Result(
            status=status,
            output=work.result() if error is None else "",
            error="" if good else str(error or status.value),
            start_time=started,
            end_time=ended,
            duration=round((ended - started) * 1000),
            exit_code=0 if good else 1,
        )

    def _interrupt(self) -> None:
        if self._connection is not None:
            self._connection.interrupt()

    def stop(self) -> None:
        """Interrupt the statement."""
        self._stopped = True
        self._interrupt()

    def kill(self) -> None:
        """The same: SQLite knows one way to stop."""
        self.stop()

    async def cleanup(self) -> None:
        """Nothing is left: the connection is closed when the statement ends."""
        self._interrupt()
