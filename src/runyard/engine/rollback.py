"""Undoing what was changed, in reverse order, on a fresh deadline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runyard.engine.running import Ran, Running
from runyard.engine.task import Task
from runyard.model.event import NewEvent
from runyard.model.result import StepResult


async def roll_back(tasks: Iterable[Task], results: Sequence[StepResult], run: Running) -> Ran:
    """Run the rollback of every step, last first, on the hosts where it changed something.

    A failing rollback does not keep the others from being tried (contract 1, "Rollback").

    Raises:
        StoreError, FencedError: the journal does not take what is reached.
    """
    run.ledger.tell(NewEvent("rollback.started"))
    ran = Ran(())
    for task in undoing_tasks(tasks, results):
        then = await task.run(run)
        ran = Ran((*ran.results, *then.results), ran.error or then.error, ran.canceled)
    status = "failed" if ran.error else "success"
    await run.ledger.record(NewEvent("rollback.finished", data={"status": status}))
    return ran


def undoing_tasks(tasks: Iterable[Task], results: Sequence[StepResult]) -> Iterable[Task]:
    """The rollbacks of what `results` changed, newest first."""
    changed: dict[str, list[str]] = {}
    for result in results:
        if result.outcome.changed:
            changed.setdefault(result.step, []).append(result.host)
    for task in reversed(list(tasks)):
        for step in reversed(task.steps):
            undo = step.undo() if step.key in changed else None
            if undo is not None:
                yield Task(undo.key, (undo,), tuple(changed[step.key]), task.fan)
