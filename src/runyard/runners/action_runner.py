"""A runner over an action: seed 001's method set as a thin face, not a second life cycle."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from runyard.model.action import Action, Work
from runyard.model.errors import (
    ArgumentError,
    CanceledError,
    ConflictError,
    DeadlineError,
    InternalError,
    RunyardError,
)
from runyard.model.ids import attempt_id, new_run_id
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.convert import to_text
from runyard.runners.params import resolve_args
from runyard.runners.runner import Result, RunnerContext, RunnerStatus

Parse = Callable[[str, str], dict[str, Any]]
_LOG = logging.getLogger("runyard.runners")
_ERROR_TAIL = 4096
_KILL_AFTER = 0.02


class ActionRunner:
    """See `Runner`. `parse` makes the action's arguments from a command and its JSON."""

    def __init__(self, action: Action, parse: Parse, context: RunnerContext) -> None:
        self._action = action
        self._parse = parse
        self._context = context
        self._args: dict[str, Any] | None = None
        self._timeout: float | None = None
        self._task: asyncio.Future[Outcome] | None = None
        self._stopped = False
        self.status = RunnerStatus.PENDING
        self.result: Result | None = None
        self.outcome: Outcome | None = None

    def parse_args(self, command: str, args: str) -> None:
        """See `Runner.parse_args`."""
        self._args = resolve_args(self._action.params, self._parse(command, args))

    def set_timeout(self, seconds: float) -> None:
        """See `Runner.set_timeout`."""
        if not seconds >= 0:
            raise ArgumentError(f"a timeout is not negative: {seconds}")
        if self._task is not None:
            raise ConflictError("it runs already", code="RUNNER_BUSY")
        self._timeout = seconds or None

    async def execute(self) -> Result:
        """See `Runner.execute`."""
        if self._args is None:
            raise ArgumentError("parse_args comes before execute")
        if self._task is not None or self.result is not None:
            raise ConflictError("a runner executes once", code="RUNNER_BUSY")
        started, name = time.time(), self._action.name
        self.status = RunnerStatus.RUNNING
        _LOG.info("start %s", name)
        self._task = asyncio.ensure_future(self._action.run(self._work(self._args)))
        if self._stopped:
            self._task.cancel()
        late, canceled = await self._wait(self._task)
        self.outcome = _outcome(
            self._task, f"timed out after {self._timeout or 0:g}s" if late else ""
        )
        self.result = result_of(self.outcome, started, time.time())
        self.status = self.result.status
        _log_end(name, self.result, self.outcome)
        if canceled:
            raise asyncio.CancelledError
        return self.result

    async def _wait(self, task: asyncio.Future[Outcome]) -> tuple[bool, bool]:
        """Wait for its end; whether it was late, and whether we were canceled meanwhile.

        A supervised process has its own deadline at the host; this one is for the other actions.
        """
        late = canceled = False
        limit = None if self._timeout is None else self._timeout + self._context.grace + 1
        while not task.done():
            try:
                await asyncio.wait({task}, timeout=limit)
            except asyncio.CancelledError:
                canceled = True
                task.cancel()
            else:
                if not task.done():
                    late, limit = True, None
                    task.cancel()
        return late, canceled

    def stop(self) -> None:
        """See `Runner.stop`."""
        if self._task is None:
            self._stopped = True
        elif not self._stopped:
            self._stopped = True
            self._task.cancel()

    def kill(self) -> None:
        """See `Runner.kill`."""
        self.stop()
        if self._task is not None and not self._task.done():
            # The connector takes a second cancellation, after it has seen the first, as "now".
            asyncio.get_running_loop().call_later(_KILL_AFTER, self._task.cancel)

    async def cleanup(self) -> None:
        """See `Runner.cleanup`."""
        self.stop()
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task})

    def _work(self, args: dict[str, Any]) -> Work:
        context = self._context
        return Work(
            attempt=context.attempt or attempt_id(new_run_id(), self._action.name, context.host, 1),
            host=context.host,
            connector=context.connector,
            args=args,
            env=context.env,
            variables=context.env,
            secrets=context.secrets,
            timeout=self._timeout,
            grace=context.grace,
            limits=context.limits,
            base=context.base,
        )


def _outcome(task: asyncio.Future[Outcome], late: str) -> Outcome:
    if task.cancelled():
        return Outcome.of_error(
            DeadlineError(late) if late else CanceledError("canceled"),
            ended_by="timeout" if late else "cancel",
        )
    error = task.exception()
    if error is None:
        done = task.result()
        if late and done.status is Status.CANCELED:
            return done.but(
                status=Status.TIMEOUT, error=DeadlineError(late).to_dict(), message=late
            )
        return done
    if isinstance(error, RunyardError):
        return Outcome.of_error(error)
    return Outcome.of_error(InternalError.of(error, "runner"))


def result_of(outcome: Outcome, started: float, ended: float) -> Result:
    """An outcome in the words of a runner; times in seconds since the epoch."""
    status = RunnerStatus.of(outcome.status)
    code = outcome.exit_code
    if code is None and outcome.signal is not None:
        code = 128 + outcome.signal
    if code is None:
        code = {RunnerStatus.SUCCESS: 0, RunnerStatus.FAILED: 1}.get(status, -1)
    error = outcome.stderr[-_ERROR_TAIL:]
    if status is not RunnerStatus.SUCCESS:
        hint = (outcome.error or {}).get("hint")
        error = error or "; ".join(filter(None, (outcome.message, hint)))
    return Result(
        status=status,
        output=outcome.stdout,
        error=error,
        start_time=started,
        end_time=ended,
        duration=max(0, round((ended - started) * 1000)),
        exit_code=code,
    )


def _log_end(name: str, result: Result, outcome: Outcome) -> None:
    _LOG.info(
        "end %s: %s in %d ms, cpu %.3f s, peak memory %d bytes, output %d bytes",
        name,
        result.status.value,
        result.duration,
        outcome.cpu,
        outcome.peak_memory,
        outcome.output_bytes,
    )
    if outcome.error is not None:
        _LOG.error("%s: %s", name, to_text(dict(outcome.error)))
