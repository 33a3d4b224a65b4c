"""An action that an agent performs itself, because it looks around from where it is."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any

from runyard.hosts.agent import wire
from runyard.hosts.agent.asking import Asking
from runyard.hosts.agent.ending import Ending
from runyard.hosts.agent.relayed import RelayedOutput
from runyard.hosts.agent.web import AgentWeb
from runyard.model.action import Work
from runyard.model.errors import ExecutionError
from runyard.model.result import Outcome
from runyard.model.status import Status

_FIELDS = frozenset(field.name for field in fields(Outcome)) - {"status", "logged"}


async def perform(web: AgentWeb, run_id: str, action: str, work: Work) -> Outcome:
    """Have the agent do it; the attempt's id makes asking again an attachment.

    A cancellation is passed on before it is obeyed, a second one takes the grace; when the end
    came first, or the work has a true end of its own, that is returned.

    Raises:
        HostLost: the agent could not be reached for PATIENCE seconds, or no end was seen of what
            was cancelled.
        SystemFault: the agent has forgotten the task.
        ArgumentError: the agent does not take it.
    """
    output = RelayedOutput(work.output) if work.output is not None else None
    asking = Asking(web, _task(run_id, action, work), output)
    answer = asyncio.ensure_future(asking.to_the_end())
    try:
        return outcome_of(await asyncio.shield(answer), output)
    except asyncio.CancelledError:
        ended = await Ending(web, work, asking, answer).seen()
        if ended is None or (ended.status == "canceled" and not _ran(ended)):
            raise
        return outcome_of(ended, output)


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
    told = state.outcome
    if told is None:
        error = ExecutionError(state.error or f"the agent says {state.status} and nothing else")
        return Outcome(Status.FAILED, error=error.to_dict(), message=error.message)
    known = {name: value for name, value in told.items() if name in _FIELDS}
    known["warnings"] = tuple(known.get("warnings", ()))
    known.update(stdout=state.text("stdout"), stderr=state.text("stderr"))
    if output is not None and output.used:
        known["logged"] = True
        if output.trouble:
            known["warnings"] = (*known["warnings"], output.trouble)
    return Outcome(Status(state.result["runyard"]["status"]), **known)


def _ran(state: wire.State) -> bool:
    """True for work that was ended, and whose true end is known."""
    return state.outcome is not None and state.outcome.get("logged") is True
