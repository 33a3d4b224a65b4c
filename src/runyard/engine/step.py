"""Step: the smallest executable. It reports; the task that called it collects."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import ClassVar

from runyard.engine.context import Context
from runyard.engine.policy import Policy
from runyard.model.result import Outcome, StepResult


class Step(ABC):
    """One piece of work, run once per host (contract 3, "Pipeline → Module → Task → Step").

    Subclass it to build pipelines in Python. `key` is unique in a pipeline and names the step in
    the journal; a loop's instances are `name[0]`, `name[1]`, ….
    """

    policy: Policy = Policy()
    supervised: ClassVar[bool] = True
    """The work is a process at the host: it may be attached again after we died."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What people call it."""

    @property
    def key(self) -> str:
        return self.name

    async def check(self, ctx: Context) -> bool:
        """True when there is nothing left to do on this host."""
        return False

    @abstractmethod
    async def run(self, ctx: Context) -> StepResult:
        """Do it once. Always a result; whatever it raises becomes a failed result."""

    def result(self, ctx: Context, outcome: Outcome, started_at: float) -> StepResult:
        """`outcome` as this step's result on `ctx.host`, ended now."""
        return StepResult(self.key, ctx.host.name, outcome, ctx.attempt, started_at, time.time())
