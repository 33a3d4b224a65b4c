"""Doing what was ordered: the engine's step, here, on the local connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any, NoReturn

from runyard.agent.order import Order
from runyard.engine.action_step import ActionStep
from runyard.engine.context import Context
from runyard.engine.mailbox import Mailbox
from runyard.engine.policy import Call, Policy
from runyard.engine.seal import seal
from runyard.expr.variables import Variables
from runyard.hosts.inventory import Host, Inventory
from runyard.model.action import Action
from runyard.model.connector import Connector
from runyard.model.errors import UsageError
from runyard.model.light import dataclass
from runyard.model.limits import Limits
from runyard.model.result import Outcome
from runyard.runners.params import resolve_args
from runyard.store.home import Home
from runyard.store.output import OutputStore

_LOOK = 1.0


class _NoMailbox(Mailbox):
    """Nobody can post to a run here: the run is at the dispatcher."""

    async def event(self, name: str) -> NoReturn:
        raise UsageError(
            "an agent cannot wait for what is said about a run",
            hint="the dispatcher does wait.event and approval.wait by itself",
        )


@dataclass(frozen=True)
class TaskStep(ActionStep):
    """A step with an environment of its own, whose arguments may be final as they came.

    `spent`: seconds of its time that are over.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    resolved: bool = False
    spent: float = 0.0

    def arguments(
        self, call: Call, ctx: Context
    ) -> tuple[dict[str, Any], dict[str, str], Mapping[str, Any]]:
        if not self.resolved:
            args, env, variables = super().arguments(call, ctx)
        else:
            variables = ctx.scope(self.item)
            args = resolve_args(call.action.params, call.args)
            env = variables.environment()
        if self.spent and isinstance(args.get("timeout"), int | float):
            args["timeout"] = _left(args["timeout"], self.spent)
        return args, {**env, **self.env}, variables


async def perform(
    order: Order,
    action: Action,
    connector: Connector,
    root: Path,
    *,
    most_output: int,
    spent: float = 0.0,
) -> Outcome:
    """Do it, once and masked; its output is below `root` afterwards, whoever wrote it.

    Asked for again, a supervised action attaches, and whoever supervises it keeps its time; of
    another one `spent` seconds are taken off. Raises what actions raise.
    """
    store = OutputStore(Home(root))
    try:
        spent = 0.0 if action.supervised else spent
        return await _perform(order, action, connector, store, most_output, spent)
    finally:
        store.close()


async def _perform(
    order: Order,
    action: Action,
    connector: Connector,
    store: OutputStore,
    most_output: int,
    spent: float,
) -> Outcome:
    limits = Limits(**order.limits)
    limits = replace(limits, output=min(limits.output or most_output, most_output))
    host = Host(order.host, vars=order.host_vars)
    variables = Variables(Inventory.of([host]), workflow=order.vars, secrets=order.secrets)
    timeout = _left(order.timeout, spent) if order.timeout and spent else order.timeout
    step = TaskStep(
        order.step,
        Call(action, order.args),
        key=order.folder,
        policy=Policy(timeout=timeout, grace=order.grace, limits=limits),
        env=order.env,
        resolved=order.resolved,
        spent=spent,
    )
    ctx = Context(
        run_id=order.run_key,
        host=host,
        connector=connector,
        variables=variables,
        base=Path.home(),
        mailbox=_NoMailbox(),
        secrets=order.secrets,
        attempt=1,
        output=store,
    )
    outcome = (await step.run(ctx)).outcome
    outcome = seal(outcome, order.secrets, variables.redactor)
    if not outcome.logged:
        output = store.attempt(ctx.run_id, ctx.attempt_id(step.key))
        for stream, text in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
            written = output.offsets()[stream]  # by an earlier life that died before it could tell
            if rest := text.encode(errors="replace")[written:]:
                output.write(stream, rest)
    return outcome


def _left(timeout: float, spent: float) -> float:
    """Seconds of `timeout` after `spent`; enough for one more look in any case."""
    return max(min(timeout, _LOOK), timeout - spent)
