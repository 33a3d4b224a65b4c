"""The pipeline that undoes a run."""

from __future__ import annotations

from collections.abc import Iterable

from runyard.engine.ledger import from_data
from runyard.engine.module import Module
from runyard.engine.pipeline import Pipeline
from runyard.engine.rollback import undoing_tasks
from runyard.model.errors import ConflictError
from runyard.model.result import StepResult
from runyard.store.journal import AttemptRow


def undo_name(workflow: str) -> str:
    """What the run is called that rolls back a run of `workflow`."""
    return f"rollback of {workflow}"


def undoing(run_id: str, pipeline: Pipeline, rows: Iterable[AttemptRow]) -> Pipeline:
    """The rollbacks of the steps of `pipeline` that changed something, newest first.

    Raises:
        ConflictError: NOTHING_TO_UNDO.
    """
    results: dict[tuple[str, str], StepResult] = {}
    for row in rows:
        if row.result is not None and row.done:
            key = row.step.removeprefix("rollback:"), row.host
            if row.step.startswith("rollback:"):
                if row.status.is_good:
                    results.pop(key, None)
            else:
                results[key] = from_data(row.step, row.host, row.result)
    tasks = tuple(undoing_tasks(pipeline.tasks(), tuple(results.values())))
    if not tasks:
        raise ConflictError(
            f"run {run_id} changed nothing that has a rollback", code="NOTHING_TO_UNDO"
        )
    return Pipeline(undo_name(pipeline.name), (Module("rollback", tasks),))
