"""Records of runs as JSON, for stores that keep snapshots."""

from __future__ import annotations

import copy
import json
from typing import Any

from runyard.model.errors import ConflictError, NotFoundError
from runyard.model.run import HostRecord, RunFilter, RunRecord, StepRecord
from runyard.model.status import Status


def to_json(record: RunRecord) -> str:
    """A record as a JSON document."""
    return json.dumps(record.to_dict(), default=str)


def from_data(data: dict[str, Any]) -> RunRecord:
    """The inverse of `to_dict`. Raises ValueError, KeyError or TypeError for anything else."""
    steps = [_step(step) for step in data["steps"]]
    return RunRecord(**{**data, "status": Status(data["status"]), "steps": steps})


def check_update(stored: RunRecord, record: RunRecord) -> None:
    """Refuse an update that is not the next version, or that changes how a run has ended.

    Only a resume, which raises the epoch, leads out of an end; nothing leads out of success.
    Statuses in between may be left out: a store may be told seldom. Raises ConflictError.
    """
    if record.version != stored.version + 1:
        raise ConflictError(
            f"run {record.run_id} is at version {stored.version}; "
            f"version {record.version} is not the next one",
            code="RUN_VERSION",
        )
    resumed = record.epoch > stored.epoch and stored.status is not Status.SUCCESS
    if stored.status.is_final and record.status is not stored.status and not resumed:
        raise ConflictError(
            f"run {record.run_id} has ended ({stored.status}); {record.status} came too late",
            code="RUN_FINAL",
        )


def interrupted(record: RunRecord, reason: str, now: float) -> RunRecord:
    """A copy of an unfinished record, ended as interrupted."""
    ended = copy.deepcopy(record)
    ended.status = Status.INTERRUPTED
    ended.interrupted_reason = ended.message = reason
    ended.version += 1
    ended.finished_at = ended.updated_at = now
    return ended


def matches(record: RunRecord, filter: RunFilter) -> bool:
    """True when a listing with `filter` holds `record`."""
    return (
        filter.status in (None, record.status)
        and filter.workflow_name in (None, record.workflow_name)
        and filter.kind in (None, record.kind)
    )


def exists(run_id: str) -> ConflictError:
    """The error for an id that is taken."""
    return ConflictError(f"run {run_id} exists already", code="RUN_EXISTS")


def unknown(run_id: str) -> NotFoundError:
    """The error for an id that nobody has."""
    return NotFoundError(f"no run {run_id!r}", code="RUN")


def _step(data: dict[str, Any]) -> StepRecord:
    hosts = {
        name: HostRecord(**{**host, "status": Status(host["status"])})
        for name, host in data["hosts"].items()
    }
    return StepRecord(**{**data, "status": Status(data["status"]), "hosts": hosts})
