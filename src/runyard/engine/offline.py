"""Reaching a host, and what to do when it cannot be reached."""

from __future__ import annotations

import asyncio
import time

from runyard.engine.context import Context
from runyard.engine.running import Running
from runyard.engine.step import Step
from runyard.model.errors import NetworkError
from runyard.model.event import NewEvent
from runyard.model.result import Outcome
from runyard.model.status import Status

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0


async def reach(step: Step, ctx: Context, run: Running) -> Outcome | None:
    """Connect, by the step's or the run's offline policy (contract 1: wait, fail or skip).

    Returns None when the host is there, else a skipped outcome.

    Raises:
        NetworkError: it is not there, and waiting is over or not wanted.
    """
    policy = step.policy.offline or run.offline
    give_up = time.monotonic() + policy.deadline if policy.deadline is not None else None
    pause = _FIRST_PAUSE
    while True:
        try:
            await run.halt.run(ctx.connector.connect())
        except NetworkError as error:
            if policy.policy == "skip":
                return Outcome(Status.SKIPPED, message=f"offline: {error.message}")
            late = give_up is not None and time.monotonic() + pause > give_up
            if policy.policy == "fail" or late:
                raise
            if pause == _FIRST_PAUSE:
                message = f"waiting for {ctx.host.name}: {error.message}"
                data = {"code": "OFFLINE", "message": message}
                await run.ledger.record(NewEvent("warning.raised", step.key, ctx.host.name, data))
        else:
            if run.facts and not run.variables.facts_of(ctx.host.name):
                facts = await run.halt.run(ctx.connector.probe())
                run.variables.record_facts(ctx.host.name, facts)
            return None
        await run.halt.run(asyncio.sleep(pause))
        pause = min(pause * 2, _LONGEST_PAUSE)
