"""`<category>.run` for the categories that plugins add."""

from __future__ import annotations

import asyncio
import json

from runyard.model.action import Param, Work
from runyard.model.errors import (
    CanceledError,
    DeadlineError,
    ExecutionError,
    RunyardError,
    SystemFault,
)
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.runner import Result, RunnerContext, RunnerFactory, RunnerStatus

_ERRORS: dict[RunnerStatus, type[RunyardError]] = {
    RunnerStatus.FAILED: ExecutionError,
    RunnerStatus.TIMEOUT: DeadlineError,
    RunnerStatus.CANCELED: CanceledError,
}


class CategoryRun:
    """Every category of runners is also an action (contract 1, "Built-in actions")."""

    params = (
        Param("command", "string", "what to run, as the category understands it", default=""),
        Param("args", "any", "its arguments: a list, a map, or a string of JSON"),
    )
    idempotent = False
    supervised = False

    def __init__(self, category: str, factory: RunnerFactory) -> None:
        self.name = f"{category}.run"
        self.summary = f"Run work of the category {category}"
        self._factory = factory

    async def run(self, work: Work) -> Outcome:
        """Make a runner, have it execute, and clean up. Raises what `parse_args` raises."""
        runner = self._factory(
            RunnerContext(
                connector=work.connector,
                attempt=work.attempt,
                host=work.host,
                env=work.env,
                secrets=work.secrets,
                limits=work.limits,
                grace=work.grace,
                base=work.base,
            )
        )
        args = work.args["args"]
        if args is not None and not isinstance(args, str):
            args = json.dumps(args)
        runner.parse_args(work.args["command"], args or "")
        runner.set_timeout(work.timeout or 0)
        try:
            return outcome_of_result(await runner.execute())
        except asyncio.CancelledError:
            runner.stop()
            raise
        finally:
            await runner.cleanup()


def outcome_of_result(result: Result) -> Outcome:
    """A runner's result in the words of an action."""
    good = result.status is RunnerStatus.SUCCESS
    message = (result.error.strip().splitlines() or [result.status.value])[-1]
    error = None if good else _ERRORS.get(result.status, SystemFault)(message).to_dict()
    return Outcome(
        status=Status(result.status.value),
        stdout=result.output,
        stderr=result.error,
        exit_code=result.exit_code if result.exit_code >= 0 else None,
        error=error,
        message="" if good else message,
        changed=True,
        output_bytes=len(result.output) + len(result.error),
    )
