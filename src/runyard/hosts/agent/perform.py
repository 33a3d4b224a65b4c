"""An action that an agent performs itself, because it looks around from where it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from runyard.hosts import remote
from runyard.hosts.agent import wire
from runyard.hosts.agent.relayed import RelayedOutput
from runyard.hosts.agent.web import AgentWeb
from runyard.hosts.order import SLACK
from runyard.model.action import Work
from runyard.model.errors import ExecutionError, HostLost, NetworkError, SystemFault
from runyard.model.result import Outcome
from runyard.model.status import Status

POLL = 20.0
"""Seconds for which the agent may think about one question."""

_AT_FIRST = 0.5  # seconds for what is done at once; the output of others is followed
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_FIELDS = frozenset(field.name for field in fields(Outcome)) - {"status", "logged"}


async def perform(web: AgentWeb, run_id: str, action: str, work: Work) -> Outcome:
    """Have the agent do it; the attempt's id makes asking again an attachment.

    A cancellation is passed on before it is obeyed; when the end came first it is returned.

    Raises:
        HostLost: the agent could not be reached for PATIENCE seconds, or not to cancel it.
        SystemFault: the agent has forgotten the task.
        ArgumentError: the agent does not take it.
    """
    output = RelayedOutput(work.output) if work.output is not None else None
    asking = asyncio.ensure_future(_see_through(web, _task(run_id, action, work), output))
    try:
        return outcome_of(await asyncio.shield(asking), output)
    except asyncio.CancelledError:
        ended = await _cancel(web, work, asking)
        if ended is None or (ended.status == "canceled" and not _ran(ended)):
            raise
        return outcome_of(ended, output)


async def _cancel(
    web: AgentWeb, work: Work, asking: asyncio.Future[wire.State]
) -> wire.State | None:
    """Have the task ended; its end, when it is told in time."""
    ordered = asyncio.ensure_future(wire.cancel(web, work.attempt))
    try:
        await asyncio.wait([ordered], timeout=work.grace)
        if not ordered.done() or isinstance(ordered.exception(), NetworkError):
            silent = NetworkError(f"the agent of {web.host} does not answer")
            raise HostLost.of(web.host, silent, canceled=True) from None
        await asyncio.wait([asking], timeout=work.grace + SLACK)
    finally:
        ordered.cancel()
        asking.cancel()
        ended, _ = await asyncio.gather(asking, ordered, return_exceptions=True)
    return ended if isinstance(ended, wire.State) else None


async def _see_through(
    web: AgentWeb, task: Mapping[str, Any], output: RelayedOutput | None
) -> wire.State:
    """Start it and ask until it has ended, over broken connections; `output` gets all of it."""
    since: float | None = None
    pause, known, asked, rest = _FIRST_PAUSE, False, False, output
    while True:
        try:
            if known:
                offsets = rest.offsets if rest is not None else None
                state = await wire.status(web, task["ID"], wait=POLL, offsets=offsets)
            else:
                state = await wire.run(web, task, wait=_AT_FIRST if output is not None else None)
        except (NetworkError, SystemFault) as error:
            if isinstance(error, SystemFault) and not asked:
                raise  # nothing was ordered yet
            asked = True
            since = time.monotonic() if since is None else since
            if not error.retryable or time.monotonic() - since > remote.PATIENCE:
                raise HostLost.of(web.host, error) from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            continue
        if state is None:
            raise SystemFault(
                f"the agent of {web.host} has forgotten what it was to do",
                code="TASK_LOST",
                retryable=False,
            )
        if rest is not None and (rest.take(state) if known else rest.suffices(state)):
            if not known:
                return state
            rest = None  # now for the result
        elif rest is None and state.ended:
            return state
        since, pause, known, asked = None, _FIRST_PAUSE, True, True


def _task(run_id: str, action: str, work: Work) -> dict[str, Any]:
    step: dict[str, Any] = {
        "name": work.env.get("RUNYARD_STEP", action),
        "action": action,
        "args": {name: value for name, value in work.args.items() if value is not None},
        "resolved": True,
        "grace": work.grace,
    }
    if work.timeout is not None:
        step["timeout"] = work.timeout
    if "env" in work.args:  # it has an environment: that of the variables in scope
        step["env"] = dict(work.env)
        step["limits"] = work.limits.to_dict()
    return {
        "ID": work.attempt,
        "RunID": run_id,
        "Step": step,
        "Host": {"Name": work.host},
        "secrets": dict(work.secrets),
    }


def outcome_of(state: wire.State, output: RelayedOutput | None = None) -> Outcome:
    """The outcome of a task that one of our agents has performed, whose output `output` kept."""
    ours = state.result.get("runyard")
    told = ours.get("outcome") if isinstance(ours, dict) else None
    if not isinstance(ours, dict) or not isinstance(told, dict):
        error = ExecutionError(state.error or f"the agent says {state.status} and nothing else")
        return Outcome(Status.FAILED, error=error.to_dict(), message=error.message)
    known = {name: value for name, value in told.items() if name in _FIELDS}
    known["warnings"] = tuple(known.get("warnings", ()))
    known.update(stdout=state.text("stdout"), stderr=state.text("stderr"))
    if output is not None and output.used:
        known["logged"] = True
        if output.trouble:
            known["warnings"] = (*known["warnings"], output.trouble)
    return Outcome(Status(ours["status"]), **known)


def _ran(state: wire.State) -> bool:
    """True for work that was ended, and whose true end is known."""
    ours = state.result.get("runyard")
    told = ours.get("outcome") if isinstance(ours, dict) else None
    return isinstance(told, dict) and told.get("logged") is True
