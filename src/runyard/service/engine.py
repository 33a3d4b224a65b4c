"""The library door: run a workflow or a pipeline from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from runyard.engine.pipeline import Pipeline
from runyard.hosts.inventory import Inventory
from runyard.model.light import dataclass
from runyard.model.result import StepResult
from runyard.model.run import Notifier, RunRecord, RunStore
from runyard.model.status import Status
from runyard.runners.registry import ActionRegistry
from runyard.service.job import Job, RunOptions
from runyard.service.notices import DELAY, RETRY
from runyard.service.runs import Runs
from runyard.store.home import Home
from runyard.workflow.document import Workflow
from runyard.workflow.load import load


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended: its record and every step's result, in a deterministic order."""

    record: RunRecord
    results: Sequence[StepResult]

    @property
    def run_id(self) -> str:
        return self.record.run_id

    @property
    def status(self) -> Status:
        return self.record.status

    @property
    def ok(self) -> bool:
        """True when the run succeeded."""
        return self.record.status is Status.SUCCESS

    def step(self, name: str, host: str | None = None) -> StepResult:
        """The result of a step by its key (on `host`, else on its first one).

        Raises:
            KeyError: it was not reached.
        """
        for result in self.results:
            if result.step == name and host in (None, result.host):
                return result
        raise KeyError(name)


class Engine:
    """Runs workflows and pipelines (contract 1, "Run"; seed 000 §13.3).

    Attributes:
        run_store: takes a snapshot at every status change; None keeps only the journal's.
        notifier: told of every status change, `1 + notify_retry` tries, `notify_delay` s apart.
        home: state home; None is the user's (`$RUNYARD_STATE`).
        actions: finds actions by name; None is the built-in and the installed ones.

    Every run is in the journal of the state home, so `runyard show`, `logs` and `cancel` see it.
    """

    def __init__(
        self,
        *,
        run_store: RunStore | None = None,
        notifier: Notifier | None = None,
        notify_retry: int = RETRY,
        notify_delay: float = DELAY,
        home: str | PathLike[str] | None = None,
        actions: ActionRegistry | None = None,
    ) -> None:
        self.run_store = run_store
        self.notifier = notifier
        self.notify_retry = notify_retry
        self.notify_delay = notify_delay
        self.home = Path(home) if home is not None else None
        self.actions = actions or ActionRegistry()

    async def apply_with_run(
        self,
        work: Workflow | Pipeline | str | PathLike[str],
        run_id: str | None = None,
        *,
        inventory: Inventory | None = None,
        vars: Mapping[str, Any] | None = None,
        local: bool = False,
        limit: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
        approve: bool = False,
    ) -> RunResult:
        """Run `work` (a path is loaded) to its end. A failed run is a result, not an exception.

        Cancelling the awaiting task cancels the run cleanly and waits for its end.

        Raises:
            InvalidWorkflow: the document has mistakes; `.diagnostics` has them all.
            UsageError, ConflictError, StoreError: it could not be started.
        """
        if not isinstance(work, Workflow | Pipeline):
            work = load(Path(work), actions=self.actions)
        options = RunOptions(run_id, vars or {}, local, limit, tags, approve)
        async with self._open() as runs:
            started = await runs.start(Job.of(work, inventory), options)
            record = await started.finish()
        return RunResult(record, started.results)

    async def resume(
        self,
        run_id: str,
        work: Workflow | Pipeline | str | PathLike[str],
        *,
        inventory: Inventory | None = None,
        force: bool = False,
    ) -> RunResult:
        """Go on with an interrupted, failed or canceled run from what is not done.

        Raises:
            ConflictError: RUN_CHANGED, RUN_OWNED, or the run succeeded.
        """
        if not isinstance(work, Workflow | Pipeline):
            work = load(Path(work), actions=self.actions)
        async with self._open() as runs:
            started = await runs.resume(run_id, Job.of(work, inventory), force=force)
            record = await started.finish()
        return RunResult(record, started.results)

    def _open(self) -> Runs:
        return Runs.open(
            Home(self.home) if self.home is not None else None,
            notifier=self.notifier,
            run_store=self.run_store,
            notify_retry=self.notify_retry,
            notify_delay=self.notify_delay,
        )


def load_workflow(path: str | PathLike[str], *, actions: ActionRegistry | None = None) -> Workflow:
    """Read and check a workflow file.

    Raises:
        InvalidWorkflow: with every diagnostic, each at its line and column.
    """
    return load(Path(path), actions=actions or ActionRegistry())
