"""Reaching a host, and what to do when it cannot be reached, or not any more."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager, nullcontext

from runyard.engine.context import Context
from runyard.engine.halt import Halted
from runyard.engine.policy import Offline
from runyard.engine.running import Running
from runyard.engine.step import Step
from runyard.engine.tally import warning_event
from runyard.model.duration import format_duration
from runyard.model.errors import (
    CanceledError,
    FencedError,
    HostLost,
    NetworkError,
    RunyardError,
    StoreError,
)
from runyard.model.result import OFFLINE, Outcome, StepResult
from runyard.model.status import Status

PATIENCE = 60.0
"""Seconds for which a host is looked for that was there before, whatever the policy is."""

ONE_TRY = 15.0
"""Seconds for the one try of a host whose deadline passed in the queue, unless that is shorter."""

_SOON = 3.0
"""Seconds after which it is said that a host is waited for, or half its deadline if less."""

_ADVICE = "`offline: skip`, or --offline skip, goes on without it"

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0


async def reach(
    step: Step, ctx: Context, run: Running, since: float | None = None
) -> Outcome | None:
    """Connect, by the step's offline policy (contract 1: wait, fail or skip).

    `since` (monotonic) is when the host was first wanted: its place in the queue counts against
    the policy's deadline. None is now. While it is waited for, others work in its place.

    Returns None when the host is there, else a skipped outcome; the run goes on without the host.

    Raises:
        NetworkError: it is not there, and waiting is over or not wanted; or it is there, and
            trying again would not help.
        Halted: the run was stopped meanwhile.
    """
    name = ctx.host.name
    if name in run.fleet.absent:
        return _skipped(run.fleet.absent[name])
    policy = ctx.offline_by(step.policy)
    try:
        await _connect_at_first(step, ctx, run, policy, since)
    except NetworkError as error:
        if not error.retryable:
            raise
        failure = await _wait(step, ctx, run, policy, since, error)
        if failure is not None and policy.policy == "skip":
            run.fleet.absent[name] = failure.message
            text = f"the run goes on without {name}: {failure.message}"
            await run.ledger.record(warning_event(step.key, text, "OFFLINE", host=name))
            return _skipped(failure.message)
        if failure is not None:
            if policy.policy == "fail" and _ADVICE not in failure.hint:
                failure.hint = f"{failure.hint}; {_ADVICE}" if failure.hint else _ADVICE
            raise failure from error
    return None


async def in_touch(step: Step, ctx: Context, run: Running, flying: bool) -> StepResult:
    """Run it; when its host is lost meanwhile and is to be waited for, take it up again there.

    `flying`: it may be at work there already, so that whoever cannot ask the host knows nothing.

    Raises:
        HostLost: it is not to be waited for, or was in vain: what became of the attempt is not
            known, also when the run was stopped while it waited.
    """
    policy, host = ctx.offline_by(step.policy), ctx.host.name
    while True:
        try:
            return await run.halt.run(step.run(ctx))
        except NetworkError as error:
            if not isinstance(error, HostLost) and not (flying and step.at_host):
                raise
            lost = error if isinstance(error, HostLost) else HostLost.of(host, error)
        except Halted as halted:
            if flying and step.at_host:
                raise _untold(host, str(halted)) from None
            raise
        flying = True
        if policy.policy != "wait" or not step.repeatable:
            raise lost
        try:
            left_out = await reach(step, ctx, run)
        except Halted as halted:
            raise _untold(host, str(halted)) from lost
        except (StoreError, FencedError):
            raise
        except RunyardError as error:
            raise HostLost.of(host, error) from lost
        if left_out is not None:  # another step did not wait
            raise lost


def _untold(host: str, why: str) -> HostLost:
    return HostLost.of(host, CanceledError(why), canceled=True)


async def _connect_at_first(
    step: Step, ctx: Context, run: Running, policy: Offline, since: float | None
) -> None:
    """Reach it, within the deadline of `wait`; who takes long is waited for, as by `_wait`."""
    if policy.policy != "wait":
        await _connect(ctx, run)
        return
    name, began, seconds, soon, left = ctx.host.name, time.monotonic(), None, _SOON, ""
    if policy.deadline is not None:
        in_queue = 0.0 if since is None else began - since
        seconds = max(policy.deadline - in_queue, min(policy.deadline, ONE_TRY))
        soon, left = min(soon, seconds / 2), f" up to {format_duration(round(seconds, 1))}"
    connecting = asyncio.ensure_future(_connect(ctx, run, seconds))
    try:
        if (await asyncio.wait({connecting}, timeout=soon))[0]:
            await connecting
            return
        text = f"waiting{left} for {name}: it has not answered so far"
        run.ledger.tell(warning_event(step.key, text, "OFFLINE", host=name))
        async with _aside(run):
            await connecting
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
    waited = format_duration(round(time.monotonic() - began, 1))
    text = f"{name} has answered after {waited}"
    run.ledger.tell(warning_event(step.key, text, "ONLINE", host=name))


def _aside(run: Running) -> AbstractAsyncContextManager[None]:
    """While this lasts, others work in its place."""
    return run.crowd.aside() if run.crowd is not None else nullcontext()


async def _connect(ctx: Context, run: Running, seconds: float | None = None) -> None:
    """Reach it, within `seconds`, and gather the facts that are asked for."""
    name = ctx.host.name
    if seconds is None:
        await run.halt.run(ctx.connector.connect())
    else:
        try:
            async with asyncio.timeout(seconds):
                await run.halt.run(ctx.connector.connect())
        except TimeoutError:
            raise NetworkError(f"{name} has not answered within {seconds:.1f}s") from None
    if run.facts and not run.variables.facts_of(name):
        run.variables.record_facts(name, await run.halt.run(ctx.connector.probe()))
    run.fleet.met.add(name)


async def _wait(
    step: Step, ctx: Context, run: Running, policy: Offline, since: float | None, why: NetworkError
) -> NetworkError | None:
    """Try again for as long as the policy says; None when the host came back."""
    name, now = ctx.host.name, time.monotonic()
    if policy.policy == "wait":
        patience, since = policy.deadline, now if since is None else since
    else:
        patience, since = PATIENCE if name in run.fleet.met else 0.0, now
    give_up = None if patience is None else since + patience
    if give_up is not None and now >= give_up:
        return why if policy.policy != "wait" else _late(name, patience, why)
    left = "" if give_up is None else f" up to {format_duration(round(give_up - now, 1))}"
    text = f"waiting{left} for {name}: {why.message}"
    await run.ledger.record(warning_event(step.key, text, "OFFLINE", host=name))
    async with _aside(run):
        failure = await _retry(ctx, run, give_up, why)
    if failure is not None:
        return _late(name, patience, failure)
    waited = format_duration(round(time.monotonic() - now, 1))
    await run.ledger.record(
        warning_event(step.key, f"{name} is back after {waited}", "ONLINE", host=name)
    )
    return None


async def _retry(
    ctx: Context, run: Running, give_up: float | None, why: NetworkError
) -> NetworkError | None:
    """None when the host is there, else why not, at `give_up` (monotonic; None is never)."""
    pause = _FIRST_PAUSE
    while True:
        left = None if give_up is None else give_up - time.monotonic()
        if left is not None and left <= 0:
            return why
        await run.halt.run(asyncio.sleep(pause if left is None else min(pause, left)))
        pause = min(pause * 2, _LONGEST_PAUSE)
        left = None if give_up is None else max(0.5, give_up - time.monotonic())
        try:
            await _connect(ctx, run, left)
        except NetworkError as error:
            if not error.retryable:
                raise
            why = error
        else:
            return None


def _late(name: str, patience: float | None, why: NetworkError) -> NetworkError:
    waited = format_duration(patience or 0.0)
    return NetworkError(
        f"{name} did not come within {waited}: {why.message}", code=why.code, hint=why.hint
    )


def _skipped(why: str) -> Outcome:
    return Outcome(Status.SKIPPED, message=f"offline: {why}", ended_by=OFFLINE)
