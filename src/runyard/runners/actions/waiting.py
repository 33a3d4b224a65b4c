"""approval.wait and wait.event: what waits for something that is said about the run.

approval.wait is only declared here: the engine does it.
"""

from __future__ import annotations

import asyncio

from runyard.model.action import Param, Work
from runyard.model.errors import DeadlineError, UsageError
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.convert import NAME


class ApprovalWait:
    """Stops the run until somebody approves or rejects it; a rejection fails the step."""

    name = "approval.wait"
    summary = "Wait for an approval"
    params = (
        Param("message", "string", "what is asked", default="approve to go on"),
        Param("approvers", "strings", "who may decide (default: whoever may write)", default=()),
        Param("timeout", "duration", "counts as rejected after (default: never)"),
        Param("form", "any", "values to ask for; they become variables"),
    )
    idempotent = True
    supervised = False

    async def run(self, work: Work) -> Outcome:
        """Raises UsageError: a host cannot know what is decided about a run."""
        raise _outside(self.name)


class WaitEvent:
    """Stops the step until an event of that name is posted to the run; its data are exports."""

    name = "wait.event"
    summary = "Wait for a named event posted to the run"
    params = (
        Param("name", "string", "name of the event", required=True),
        Param("timeout", "duration", "give up after (default: never)"),
    )
    idempotent = True
    supervised = False

    async def run(self, work: Work) -> Outcome:
        """Wait for it. A timeout is an outcome. Raises UsageError where there is no run."""
        if work.signals is None:
            raise _outside(self.name)
        name, given = work.args["name"], (work.args["timeout"], work.timeout)
        limit = min((seconds for seconds in given if seconds), default=None)
        try:
            data = await asyncio.wait_for(work.signals.event(name), limit)
        except TimeoutError:
            return Outcome.of_error(
                DeadlineError(f'timed out after {limit:g}s waiting for the event "{name}"'),
                ended_by="timeout",
            )
        return Outcome(
            status=Status.SUCCESS,
            message=f'event "{name}" came',
            exports={key: value for key, value in data.items() if NAME.fullmatch(key)},
            data=dict(data),
        )


def _outside(name: str) -> UsageError:
    return UsageError(
        f"{name} only works as a step of a workflow",
        hint="it waits for something said about a run; there is no run here",
    )
