"""Units of work, one or many at once (contract 3, "Batch")."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from runyard.model.duration import parse_duration
from runyard.model.errors import ArgumentError, CanceledError, InternalError, RunyardError
from runyard.model.ids import attempt_id, new_run_id
from runyard.model.light import dataclass
from runyard.model.limits import Limits
from runyard.runners.action_runner import ActionRunner
from runyard.runners.convert import to_text
from runyard.runners.metrics import Metrics
from runyard.runners.runner import Result, RunnerContext, RunnerStatus
from runyard.runners.runner_registry import RunnerRegistry
from runyard.runners.settings import RunnerSettings, limits_of

_KEYS = ("category", "command", "args", "timeout", "env", "limits")


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """What a runner is given: `timeout` in seconds, None for the default; `args` is JSON."""

    category: str
    command: str = ""
    args: str = ""
    timeout: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits | None = None

    @classmethod
    def from_dict(cls, given: Any) -> WorkUnit:
        """Read a unit as JSON gives it; `args` may be JSON itself or a string of it.

        Raises:
            ArgumentError: an unknown key, or a value that cannot be used.
        """
        if not isinstance(given, Mapping):
            raise ArgumentError("a unit of work is an object with " + ", ".join(_KEYS))
        if unknown := [str(key) for key in given if key not in _KEYS]:
            raise ArgumentError(f"unknown {', '.join(unknown)}; known: {', '.join(_KEYS)}")
        category, command = given.get("category"), given.get("command") or ""
        if not isinstance(category, str) or not category or not isinstance(command, str):
            raise ArgumentError("category is required, and category and command are strings")
        args, timeout = given.get("args"), given.get("timeout")
        env = {} if given.get("env") is None else given["env"]
        if not isinstance(env, Mapping):
            raise ArgumentError("env must be an object")
        try:
            seconds = None if timeout is None else parse_duration(timeout)
        except (ValueError, TypeError, AttributeError):
            raise ArgumentError(f"timeout: {timeout!r} is not a duration") from None
        return cls(
            category=category,
            command=command,
            args=args if isinstance(args, str) else "" if args is None else json.dumps(args),
            timeout=seconds,
            env={str(name): to_text(value) for name, value in env.items()},
            limits=None if given.get("limits") is None else limits_of(given["limits"]),
        )


async def run_unit(
    unit: WorkUnit,
    registry: RunnerRegistry,
    context: RunnerContext,
    settings: RunnerSettings | None = None,
    metrics: Metrics | None = None,
) -> Result:
    """Run one unit. What is wrong with it is a Result of status `error`, never an exception.

    When the awaiting task is canceled, the work is ended first and CancelledError raised then.
    """
    settings = settings or RunnerSettings()
    own = replace(
        context,
        attempt=context.attempt or attempt_id(new_run_id(), unit.category, context.host, 1),
        env={**context.env, **unit.env},
        limits=unit.limits or settings.resource_limits,
    )
    started = time.time()
    try:
        runner = registry.create(unit.category, own)
        runner.parse_args(unit.command, unit.args)
        timeout = settings.default_timeout if unit.timeout is None else unit.timeout
        runner.set_timeout(timeout or 0)
    except RunyardError as error:
        result = _refused(error, started)
        if metrics is not None:
            metrics.observe(unit.category, result, error_class=error.klass)
        return result
    try:
        result = await runner.execute()
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        result = _refused(CanceledError("canceled"), started, RunnerStatus.CANCELED)
    except Exception as error:  # a runner may come from a plugin
        result = _refused(InternalError.of(error, unit.category), started)
    finally:
        await runner.cleanup()
    if metrics is not None:
        outcome = runner.outcome if isinstance(runner, ActionRunner) else None
        metrics.observe(unit.category, result, outcome)
    return result


def _refused(
    error: RunyardError, started: float, status: RunnerStatus = RunnerStatus.ERROR
) -> Result:
    hint = f" ({error.hint})" if error.hint else ""
    return Result(status, "", error.message + hint, started, time.time())


async def run_batch(
    units: Sequence[WorkUnit],
    registry: RunnerRegistry,
    context: RunnerContext,
    settings: RunnerSettings | None = None,
    metrics: Metrics | None = None,
) -> list[Result]:
    """Run many units, first come first served, `settings.max_concurrency` at once.

    Results are in the order of `units`. Cancellation ends what runs and starts nothing more.
    """
    results: dict[int, Result] = {}
    async for index, result in stream_batch(units, registry, context, settings, metrics):
        results[index] = result
    return [results[index] for index in range(len(units))]


async def stream_batch(
    units: Sequence[WorkUnit],
    registry: RunnerRegistry,
    context: RunnerContext,
    settings: RunnerSettings | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[tuple[int, Result]]:
    """As `run_batch`; yields (index, result) as units end."""
    settings = settings or RunnerSettings()
    batch, ended = new_run_id(), asyncio.Queue[tuple[int, Result]]()
    waiting = iter(enumerate(units))

    async def serve() -> None:
        for index, unit in waiting:
            own = replace(context, attempt=attempt_id(batch, str(index), context.host, 1))
            result = await run_unit(unit, registry, own, settings, metrics)
            ended.put_nowait((index, result))

    count = min(settings.max_concurrency, len(units))
    servers = [asyncio.ensure_future(serve()) for _ in range(count)]
    try:
        for _ in units:
            yield await ended.get()
    finally:
        for server in servers:
            server.cancel()
        await asyncio.gather(*servers, return_exceptions=True)
