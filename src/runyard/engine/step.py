"""Step: the smallest executable. It reports; the task that called it collects."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from runyard.engine.context import Context
from runyard.engine.policy import Policy
from runyard.model.result import Outcome, StepResult


class Step(ABC):
    """One piece of work, run once per host (contract 3, "Pipeline → Module → Task → Step").

    Subclass it to build pipelines in Python. `key` is unique in a pipeline and names the step in
    the journal; a loop's instances are `name[0]`, `name[1]`, ….
    """

    name: str
    """What people call it."""
    policy: Policy = Policy()
    item: Mapping[str, Any] = {}
    """Loop or matrix values of this instance: `{"item": …}`, `{"matrix": {…}}`."""
    fallback: Step | None = None
    """Stands in when this one failed for good."""

    @property
    def key(self) -> str:
        """What the journal calls it."""
        return self.name

    @property
    def repeatable(self) -> bool:
        """True when it may be started again after we died in the middle of it.

        A step whose work is an attempt at a host is always asked for again by its attempt's id,
        so this speaks only of work inside our own process.
        """
        return True

    @property
    def at_host(self) -> bool:
        """True when its work goes on at the host without us, as an attempt does."""
        return True

    @property
    def checks_at_host(self) -> bool:
        """True when `check` starts something at the host, which would go on there without us.

        It does so under the key of the step and `CHECK`, and the attempt number of its context.
        """
        return False

    async def check(self, ctx: Context) -> bool:
        """True when there is nothing left to do on this host."""
        return False

    @property
    def may_export(self) -> bool:
        """True when later steps may see variables that it made."""
        return True

    def references(self) -> Iterable[str]:
        """Paths of the variables that it refers to, as far as they can be told beforehand."""
        return ()

    def fingerprint(self, ctx: Context) -> str:
        """What makes two executions the same, for the result cache."""
        return self.key

    def undo(self) -> Step | None:
        """The step that rolls this one back on a host it changed, or None."""
        return None

    @abstractmethod
    async def run(self, ctx: Context) -> StepResult:
        """Do it once. Always a result; whatever it raises becomes a failed result."""

    def result(self, ctx: Context, outcome: Outcome, started_at: float) -> StepResult:
        """`outcome` as this step's result on `ctx.host`, ended now."""
        return StepResult(self.key, ctx.host.name, outcome, ctx.attempt, started_at, time.time())
