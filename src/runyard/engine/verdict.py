"""What a step's own outcome means under the policy of the step."""

from __future__ import annotations

from runyard.engine.context import Context
from runyard.engine.step import Step
from runyard.model.errors import ExecutionError
from runyard.model.result import Outcome
from runyard.model.status import Status


def judge(outcome: Outcome, step: Step, ctx: Context) -> Outcome:
    """Apply `changed_when` and `expect_vars` (contract 1, "Document").

    A missing expected variable fails a step that was good; exports are kept either way.
    """
    policy = step.policy
    if policy.changed_when is not None and outcome.status is Status.SUCCESS:
        scope = ctx.scope(step.item, step_env=outcome.exports)
        outcome = outcome.but(changed=policy.changed_when.evaluate(scope))
    if not policy.expect_vars or outcome.status is not Status.SUCCESS:
        return outcome
    missing = [
        name
        for name in policy.expect_vars
        if name not in outcome.exports and name not in outcome.env
    ]
    if not missing:
        return outcome
    error = ExecutionError(
        f"expect_vars: {', '.join(missing)} not exported",
        code="EXPECT_VARS",
        hint="print BOPS_EXPORT:NAME=value on stdout and set export_vars: true",
        retryable=False,
    )
    return outcome.but(status=Status.FAILED, error=error.to_dict(), message=error.message)
