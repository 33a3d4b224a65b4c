"""A step that is an action: what a document's step compiles to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from runyard.engine.context import Context
from runyard.engine.flying import CHECK
from runyard.engine.policy import Call, Policy
from runyard.engine.step import Step
from runyard.expr.scope import HOST
from runyard.expr.shell import bind_shell
from runyard.expr.template import references, substitute
from runyard.model.action import Work
from runyard.model.duration import format_duration
from runyard.model.errors import CanceledError, DeadlineError, RunyardError
from runyard.model.light import dataclass
from runyard.model.result import Outcome, StepResult
from runyard.model.status import Status
from runyard.runners.params import resolve_args

_SHELL_TEXT = ("text", "command")


@dataclass(frozen=True)
class ActionStep(Step):
    """One action with its arguments as written, under a policy.

    `check_call` exits 0 when the step is already done; `rollback` undoes it; `fallback` stands in
    when it failed for good. `place` is `file:line:col` of the step in its document.
    """

    name: str
    call: Call
    key: str = ""
    policy: Policy = Policy()
    item: Mapping[str, Any] = field(default_factory=dict)
    check_call: Call | None = None
    rollback: Call | None = None
    fallback: Step | None = None
    place: str = ""

    def __post_init__(self) -> None:
        if not self.key:
            object.__setattr__(self, "key", self.name)

    @property
    def repeatable(self) -> bool:
        return self.call.action.idempotent or self.call.action.supervised

    @property
    def at_host(self) -> bool:
        return self.call.action.supervised

    @property
    def checks_at_host(self) -> bool:
        return self.check_call is not None and self.check_call.action.supervised

    async def check(self, ctx: Context) -> bool:
        if self.check_call is None:
            return False
        outcome = await self._perform(self.check_call, ctx, ctx.attempt_id(self.key + CHECK))
        if outcome.status in (Status.SUCCESS, Status.FAILED):
            return outcome.status is Status.SUCCESS
        if outcome.status is Status.CANCELED:
            raise CanceledError(f"check: {outcome.message}")
        raise RunyardError(
            f"check could not be run: {outcome.message}",
            code="CHECK",
            retryable=bool((outcome.error or {}).get("retryable")),
        )

    async def run(self, ctx: Context) -> StepResult:
        started = time.time()
        outcome = await self._perform(self.call, ctx, ctx.attempt_id(self.key))
        return self.result(ctx, outcome, started)

    @property
    def may_export(self) -> bool:
        asked = self.call.args.get("export_vars", False)
        return asked not in (False, None) or self.call.action.name == "env.set"

    def references(self) -> Iterator[str]:
        """Paths of all variables that the step refers to, in its conditions and arguments."""
        for when in (self.policy.when, self.policy.changed_when):
            yield from when.names if when is not None else ()
        for call in (self.call, self.check_call, self.rollback):
            yield from references(call.args) if call is not None else ()
        if self.fallback is not None:
            yield from self.fallback.references()

    def fingerprint(self, ctx: Context) -> str:
        args, _, _ = self.arguments(self.call, ctx)
        return f"{self.call.action.name} {sorted(args.items(), key=str)!r}"

    def undo(self) -> ActionStep | None:
        """The step that rolls this one back, or None."""
        if self.rollback is None:
            return None
        # What was done as another user is undone as that user, at a host that may be away.
        policy = Policy(
            grace=self.policy.grace, become=self.policy.become, offline=self.policy.offline
        )
        return ActionStep(self.name, self.rollback, f"rollback:{self.key}", policy, self.item)

    async def _perform(self, call: Call, ctx: Context, attempt: str) -> Outcome:
        args, env, variables = self.arguments(call, ctx)
        work = Work(
            attempt=attempt,
            host=ctx.host.name,
            connector=ctx.connector,
            args=args,
            env={
                **env,
                "RUNYARD_RUN_ID": ctx.run_id,
                "RUNYARD_STEP": self.name,
                HOST: ctx.host.name,
            },
            variables=variables,
            secrets=ctx.secrets,
            timeout=call.timeout if call.timeout is not None else self.policy.timeout,
            grace=self.policy.grace,
            limits=self.policy.limits,
            base=ctx.base,
            signals=ctx.mailbox,
            lease=(self.policy.offline or ctx.offline).lease,
            output=ctx.output.attempt(ctx.run_id, attempt) if ctx.output is not None else None,
        )
        if call.action.supervised or work.timeout is None:
            return await call.action.run(work)
        try:
            async with asyncio.timeout(work.timeout):
                return await call.action.run(work)
        except TimeoutError:
            late = DeadlineError(f"timed out after {format_duration(work.timeout)}")
            return Outcome.of_error(late, ended_by="timeout")

    def arguments(
        self, call: Call, ctx: Context
    ) -> tuple[dict[str, Any], dict[str, str], Mapping[str, Any]]:
        """Arguments with values in, the environment they need, and the variables in scope.

        Shell text keeps its `${NAME}` for the shell; nothing is ever pasted into it (contract 1,
        "Variables").

        Raises:
            ArgumentError: a variable is unset, or a value does not fit its parameter.
        """
        scope = ctx.scope(self.item)
        given = dict(call.args)
        own = given.get("env") if call.action.name != "env.set" else None
        if isinstance(own, Mapping) and own:
            given["env"] = own = substitute(own, scope, call.places.get("env", "env"))
            scope = ctx.scope(self.item, own)
        params = {param.name: param for param in call.action.params}
        env: dict[str, str] = dict(scope.environment())
        args: dict[str, Any] = {}
        interpreter = given.get("interpreter")
        if interpreter is None and "interpreter" in params:
            interpreter = params["interpreter"].default
        for name, value in given.items():
            param = params.get(name)
            place = call.places.get(name, name)
            if (own is not None and value is own) or (param is not None and param.kind == "raw"):
                args[name] = value
            elif param is not None and param.kind in _SHELL_TEXT and isinstance(value, str):
                args[name], bound = bind_shell(value, scope, place, interpreter or "")
                env.update(bound)
            else:
                args[name] = substitute(value, scope, place)
        return resolve_args(call.action.params, args), env, scope
