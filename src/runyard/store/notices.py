"""Events → what a notifier is told (contract 1, "Run": the payload)."""

from __future__ import annotations

from typing import Any

from runyard.model.event import Event
from runyard.model.status import Status
from runyard.store.fold import RunRow
from runyard.store.journal import Notice

_BEGIN = {
    "run.queued": Status.QUEUED,
    "run.started": Status.RUNNING,
    "run.resumed": Status.RUNNING,
    "step.started": Status.RUNNING,
    "attempt.started": Status.RUNNING,
}
_END = frozenset({"run.finished", "step.finished", "result.reached"})


def notice(run: RunRow, event: Event, version: int) -> Notice | None:
    """The notice of an event that changes the status of a run, a step or a host; else None."""
    error: Any = None
    if event.type in _BEGIN:
        status = str(_BEGIN[event.type])
    elif event.type in _END:
        ended = event.data.get("result", event.data)
        status, error = str(ended["status"]), ended.get("error")
    else:
        return None
    payload = {
        "run_id": run.run_id,
        "workflow_name": run.workflow_name,
        "status": status,
        "step": event.step,
        "host": event.host,
        "timestamp": event.at,
        "error": error,
        "version": version,
    }
    return Notice(event.seq, payload)
