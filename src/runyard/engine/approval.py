"""Asking a person before work goes on."""

from __future__ import annotations

import asyncio
import time

from runyard.engine.mailbox import Decision
from runyard.engine.policy import Approval
from runyard.engine.running import Running
from runyard.model.errors import DeadlineError, RunyardError
from runyard.model.event import NewEvent


async def ask(approval: Approval, step: str, run: Running) -> Decision:
    """Journal the question, wait for the answer, journal it (contract 1, `approval.wait`).

    Raises:
        DeadlineError: nobody answered in time.
        RunyardError: REJECTED.
        Halted: the run was canceled meanwhile.
    """
    if run.approve_all:
        decision = Decision(True, by="--yes")
    else:
        await run.ledger.record(
            NewEvent(
                "approval.requested",
                step,
                data={
                    "message": approval.message,
                    "approvers": list(approval.approvers),
                    "form": dict(approval.form),
                    "deadline": time.time() + approval.timeout if approval.timeout else None,
                },
            )
        )
        try:
            async with asyncio.timeout(approval.timeout):
                decision = await run.halt.run(_allowed(approval, step, run))
        except TimeoutError:
            raise DeadlineError(f'nobody approved step "{step}" in time', retryable=False) from None
    await run.ledger.record(
        NewEvent(
            "approval.decided",
            step,
            data={
                "decision": "approved" if decision.accepted else "rejected",
                "by": decision.by,
                "comment": decision.comment,
                "values": dict(decision.values),
                **({"control": decision.control} if decision.control else {}),
            },
        )
    )
    if not decision.accepted:
        because = f": {decision.comment}" if decision.comment else ""
        raise RunyardError(
            f'step "{step}" was rejected by {decision.by or "somebody"}{because}', code="REJECTED"
        )
    return decision


async def _allowed(approval: Approval, step: str, run: Running) -> Decision:
    """The first decision by somebody who may decide."""
    while True:
        decision = await run.mailbox.decision(step)
        if not approval.approvers or decision.by in approval.approvers:
            return decision
        run.ledger.tell(
            NewEvent(
                "warning.raised",
                step,
                data={
                    "code": "APPROVER",
                    "message": f"{decision.by or 'somebody'} is not among the approvers",
                },
            )
        )
        await run.ledger.record()
