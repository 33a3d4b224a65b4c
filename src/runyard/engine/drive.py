"""One step on one host, from its conditions to its final result. Nothing escapes from here."""

from __future__ import annotations

import asyncio
import time

from runyard.engine.context import Context
from runyard.engine.flying import Flying
from runyard.engine.halt import Halted
from runyard.engine.offline import in_touch, reach
from runyard.engine.reuse import recall_cached, remember
from runyard.engine.running import Running
from runyard.engine.seal import seal
from runyard.engine.step import Step
from runyard.engine.tally import finished_event, started_event, warning_event
from runyard.engine.verdict import judge
from runyard.expr.value import MISSING
from runyard.hosts.ending import end_attempt
from runyard.hosts.inventory import Host
from runyard.model.errors import (
    ArgumentError,
    CanceledError,
    FencedError,
    InternalError,
    RunyardError,
    StoreError,
    SystemFault,
)
from runyard.model.event import NewEvent
from runyard.model.execution import CAPTURE
from runyard.model.result import Outcome, StepResult
from runyard.model.status import Status
from runyard.runners.clip import clip

_OF_THE_RUN = (StoreError, FencedError)
"""Failures of the journal: they concern the run, not the step, and end it."""


async def drive(step: Step, host: Host, run: Running, since: float | None = None) -> StepResult:
    """Bring `step` to its result on `host`, and journal it (contract 3). `since`: as of `reach`.

    Raises:
        StoreError, FencedError: the journal cannot take the result; the run cannot go on.
    """
    started = time.time()
    try:
        ctx = run.context(host, run.fleet.connector(host, step.policy.become))
        # A step that its condition skips needs no host, unless the condition is about the host.
        if run.facts:
            skip = await reach(step, ctx, run, since) or _gate(step, ctx)
        else:
            skip = _gate(step, ctx) or await reach(step, ctx, run, since)
        if skip is None:
            await _finish_undoing(step, host, run)
            result = await _with_fallback(step, ctx, run)
        else:
            result = StepResult(step.key, host.name, skip, 0, started, time.time())
    except _OF_THE_RUN:
        raise
    except Exception as error:
        outcome = outcome_of(error, step, host.name, run)
        result = StepResult(step.key, host.name, outcome, 0, started, time.time())
    tolerated = step.policy.continue_on_error and not result.status.is_good
    run.ledger.reach(result, tolerated=tolerated)
    if tolerated:
        said = result.outcome.message or str(result.status)
        message = f"{said}, tolerated by continue_on_error"
        run.ledger.tell(warning_event(step.key, message, "TOLERATED", host=host.name))
    return result


def outcome_of(error: Exception, step: Step, host: str, run: Running) -> Outcome:
    """What an exception means as an outcome, sealed; an unexpected one is a defect."""
    if isinstance(error, Halted):
        outcome = Outcome.of_error(CanceledError(str(error)), ended_by="cancel")
    elif isinstance(error, RunyardError):
        outcome = Outcome.of_error(error)
    else:
        outcome = Outcome.of_error(InternalError.of(error, f'step "{step.name}" on {host}'))
    return seal(outcome, run.secrets, run.variables.redactor)


def _gate(step: Step, ctx: Context) -> Outcome | None:
    """A skipped outcome with its reason, or None to go on.

    Raises:
        ArgumentError: `when` cannot be evaluated here, or a `must_vars` name is unset.
    """
    policy = step.policy
    if policy.when is None and not policy.must_vars:
        return None
    scope = ctx.scope(step.item)
    if policy.when is not None and not policy.when.evaluate(scope):
        return Outcome(Status.SKIPPED, message=f"when: {policy.when.explain(scope)}")
    unset = [name for name in policy.must_vars if scope.lookup(name) in (MISSING, None, "")]
    if unset:
        raise ArgumentError(
            f"must_vars: {', '.join(unset)} not set",
            code="MUST_VARS",
            hint="export it in an earlier step, or give it with --var NAME=VALUE",
        )
    return None


async def _finish_undoing(step: Step, host: Host, run: Running) -> None:
    """A rollback that an earlier life left in flight must not meet the step that it undoes."""
    undo = step.undo()
    if undo is not None and run.ledger.last_try(undo.key, host.name)[1]:
        await drive(undo, host, run)


async def _with_fallback(step: Step, ctx: Context, run: Running) -> StepResult:
    result = await _attempts(step, ctx, run)
    if step.fallback is None or result.status.is_good or run.halt.requested:
        return result
    if result.outcome.is_lost:  # what runs there must not meet its stand-in
        return result
    run.ledger.tell(started_event(step.fallback, [ctx.host], run))
    second = await _attempts(step.fallback, ctx, run)
    run.ledger.reach(second)
    run.ledger.tell(finished_event(step.fallback, [second]))
    if not second.status.is_good:
        return result
    note = f"fell back to {step.fallback.name} after: {result.outcome.message}"
    outcome = second.outcome.but(
        warnings=(*second.outcome.warnings, note), output_bytes=result.outcome.output_bytes
    )
    return StepResult(
        step.key, ctx.host.name, outcome, result.attempt, result.started_at, second.ended_at
    )


async def _attempts(step: Step, ctx: Context, run: Running) -> StepResult:
    """Look into the cache, check, then try until it is good, hopeless or stopped."""
    key, host, retry = step.key, ctx.host.name, step.policy.retry
    n, rejoin = run.ledger.last_try(key, host)
    if not rejoin:
        started = time.time()
        done = await recall_cached(step, ctx, run)
        if done is None and await _is_done(step, ctx, run):
            done = Outcome(Status.SKIPPED, message="check: already done")
        if done is not None:
            return StepResult(key, host, done, 0, started, time.time())
        n += 1
    elif not step.repeatable:
        raise SystemFault(
            "the process that ran this step died in the middle of it",
            code="INTERRUPTED",
            hint="the action is not idempotent: look at its effects, then resume again",
        )
    tried = 1
    while True:
        if not rejoin:
            await run.ledger.intend(_flying(step, ctx, run, n))
        result = await _once(step, ctx.at(n), run, rejoin)
        # How an earlier life was stopped says nothing about this one: the step is done anew.
        lost_before = rejoin and result.outcome.ended_by in ("lost", "cancel")
        rejoin = False
        if run.halt.requested or not (lost_before or retry.wants(result.outcome, tried)):
            await remember(step, ctx, run, result)
            return result
        pause = 0.0 if lost_before else retry.pause(tried)
        reason = result.outcome.message
        run.ledger.miss(result)
        run.ledger.tell(
            NewEvent("retry.scheduled", key, host, {"n": n + 1, "delay": pause, "reason": reason})
        )
        await run.ledger.record()
        try:
            await run.halt.run(asyncio.sleep(pause))
        except Halted:
            return result
        n += 1
        tried += not lost_before


async def _is_done(step: Step, ctx: Context, run: Running) -> bool:
    """What its check says, asked anew in each life: what an earlier one still asks is ended."""
    if step.checks_at_host:
        earlier = run.ledger.take_check(step.key, ctx.host.name)
        if earlier is not None:
            way = run.fleet.connector(ctx.host, earlier.become)
            await run.halt.run(way.connect())
            await run.halt.run(end_attempt(way, earlier.id(run.run_id), earlier.grace))
        await run.ledger.intend(_flying(step, ctx, run, run.ledger.epoch, check=True))
    return await run.halt.run(step.check(ctx.at(run.ledger.epoch)))


def _flying(step: Step, ctx: Context, run: Running, n: int, *, check: bool = False) -> Flying:
    policy = step.policy
    become = run.fleet.user(ctx.host, policy.become)
    return Flying(step.key, ctx.host.name, n, become, policy.grace, check)


async def _once(step: Step, ctx: Context, run: Running, flying: bool) -> StepResult:
    """One try. `flying`: as of `in_touch`."""
    started = time.time()
    try:
        result = await in_touch(step, ctx, run, flying)
        if not isinstance(result, StepResult):
            raise TypeError(f"run() returned {type(result).__name__}, not a StepResult")
        outcome = seal(judge(result.outcome, step, ctx), run.secrets, run.variables.redactor)
        if not outcome.logged:
            run.write(ctx.attempt_id(step.key), outcome)
            outcome = outcome.but(
                stdout=clip(outcome.stdout, CAPTURE), stderr=clip(outcome.stderr, CAPTURE)
            )
    except _OF_THE_RUN:
        raise
    except Exception as error:
        outcome = outcome_of(error, step, ctx.host.name, run)
    except SystemExit as error:
        # Work that says so ends itself, not the engine and everybody else's runs in this process.
        exited = InternalError(f"the step called sys.exit({error.code!r})")
        outcome = outcome_of(exited, step, ctx.host.name, run)
    return StepResult(step.key, ctx.host.name, outcome, ctx.attempt, started, time.time())
