"""What a run waits for: open approvals, its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runyard.cli.lazy import did_you_mean
from runyard.model.errors import ConflictError, DeadlineError, NotFoundError
from runyard.model.run import RunRecord
from runyard.model.status import Status

if TYPE_CHECKING:
    from runyard.service.runs import Runs


async def open_approvals(runs: Runs, run_id: str) -> list[str]:
    """Steps whose approval was asked for and not yet decided, oldest first."""
    waiting: dict[str, None] = {}
    async for event in runs.events(run_id):
        if event.type == "approval.requested":
            waiting[event.step] = None
        elif event.type == "approval.decided":
            waiting.pop(event.step, None)
        elif event.type == "run.finished":
            waiting.clear()
    return list(waiting)


def pick_approval(waiting: list[str], step: str, run_id: str) -> str:
    """The approval that is meant: `step`, or the only one.

    Raises:
        ConflictError: NOT_WAITING, no approval is open; AMBIGUOUS, several are.
        NotFoundError: none is open for `step`.
    """
    if not waiting:
        raise ConflictError(
            f"run {run_id} waits for no approval", code="NOT_WAITING", hint=f"runyard show {run_id}"
        )
    if not step:
        if len(waiting) == 1:
            return waiting[0]
        raise ConflictError(
            f"run {run_id} waits for {len(waiting)} approvals: {', '.join(waiting)}",
            code="AMBIGUOUS",
            hint="say which one with --step",
        )
    if step in waiting:
        return step
    raise NotFoundError(
        f"no approval is open for step {step!r}{did_you_mean(step, waiting)}",
        code="STEP",
        hint=f"open: {', '.join(waiting)}",
    )


async def refuse_unless_resumable(runs: Runs, run_id: str) -> None:
    """Say so at once when there is nothing to resume, before anything else can be wrong.

    Raises:
        ConflictError: RUN_FINAL, it has succeeded; RUN_ACTIVE, it goes on.
    """
    await refuse_while_live(runs, run_id)
    if (await runs.journal.get(run_id, outputs=False)).status is Status.SUCCESS:
        raise ConflictError(
            f"run {run_id} has succeeded: nothing of it is left to do",
            code="RUN_FINAL",
            hint="`runyard run` runs the workflow anew",
        )


async def refuse_while_live(runs: Runs, run_id: str) -> None:
    """The same for what is to be done with a run that has ended.

    Raises:
        ConflictError: RUN_ACTIVE, a living process executes it.
    """
    status = (await runs.journal.get(run_id, outputs=False)).status
    if not status.is_final and runs.home.is_owned(run_id):
        raise ConflictError(
            f"run {run_id} has not ended",
            code="RUN_ACTIVE",
            hint=f"watch it with `runyard logs {run_id} --follow`, "
            f"stop it with `runyard cancel {run_id}`",
        )


async def until_final(runs: Runs, run_id: str, timeout: float) -> RunRecord:
    """The record of the run once it has ended.

    Raises:
        DeadlineError: it has not, after `timeout` seconds; 0 waits for ever.
    """
    try:
        async with asyncio.timeout(timeout or None):
            async for _ in runs.events(run_id, follow=True):
                pass
    except TimeoutError:
        raise DeadlineError(
            f"run {run_id} has not ended after {timeout:g} seconds",
            hint=f"runyard show {run_id}; runyard cancel {run_id} --kill ends it at once",
        ) from None
    return await runs.get(run_id)
