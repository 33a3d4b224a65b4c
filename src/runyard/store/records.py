"""Rows → records that readers see."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from runyard.model.event import Event
from runyard.model.result import LOST
from runyard.model.run import HostRecord, RunRecord, StepRecord
from runyard.model.status import Status
from runyard.store.fold import RunRow
from runyard.store.journal import AttemptRow

Row = Sequence[Any]
STATUS = 9


# Made once: `json.dumps` with options makes an encoder for every call.
_READABLE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)
_ASCII = json.JSONEncoder(separators=(",", ":"), default=str)


def encode(data: object) -> str:
    """JSON as it is stored; what JSON cannot say is stored as its text."""
    text = _READABLE.encode(data)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return _ASCII.encode(data)
    return text


def decode(text: str) -> dict[str, Any]:
    """The object that `encode` stored."""
    value: dict[str, Any] = json.loads(text)
    return value


def run_row(row: Row) -> RunRow:
    """The row of a run, from the query `run`."""
    values = [*row]
    values[STATUS] = Status(values[STATUS])
    return RunRow(*values)


def run_record(row: RunRow) -> RunRecord:
    """A record without its steps."""
    return RunRecord(
        run_id=row.run_id,
        workflow_name=row.workflow_name,
        workflow_version=row.workflow_version,
        status=row.status or Status.QUEUED,
        message=row.message,
        last_error=row.last_error,
        interrupted_reason=row.interrupted_reason,
        last_notify_error=row.last_notify_error,
        version=row.version,
        started_at=row.started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
        kind=row.kind,
        epoch=row.epoch,
    )


def event(run_id: str, row: Row) -> Event:
    """An event, from the query `events`."""
    seq, at, kind, step, host, data = row[:6]
    return Event(run_id, seq, at, kind, step, host, json.loads(data))


def attempt(row: Row) -> AttemptRow:
    """An attempt, from the query `attempts`."""
    step, host, n, status, started_at, _, _, done, data = row
    result = None if data is None else json.loads(data).get("result")
    return AttemptRow(step, host, n, Status(status), started_at, result, bool(done))


def step_records(steps: Iterable[Row], attempts: Iterable[Row]) -> list[StepRecord]:
    """Steps with their hosts; of several attempts the one touched last counts.

    A host that its step has named, and not begun, is queued.
    """
    records: dict[str, StepRecord] = {}
    for name, status, started_at, finished_at, message, hosts in steps:
        record = StepRecord(name, Status(status), started_at, finished_at, message)
        record.hosts = {host: HostRecord(host, Status.QUEUED) for host in json.loads(hosts)}
        records[name] = record
    begun: dict[tuple[str, str], float | None] = {}
    worked: dict[tuple[str, str], float] = {}
    for row in attempts:
        step, host, _, status, started_at, finished_at, message, done, data = row
        record = records.setdefault(step, StepRecord(step, Status.RUNNING, started_at))
        first = begun.setdefault((step, host), started_at)
        spent = worked.get((step, host), 0.0)
        if started_at is not None and finished_at is not None:
            spent += max(0.0, finished_at - started_at)
        worked[step, host] = spent
        # A try that ended with another to come leaves the step on this host running.
        between = not done and data is not None and record.status is Status.RUNNING
        record.hosts[host] = HostRecord(
            host,
            Status.RUNNING if between else Status(status),
            first,
            None if between else finished_at,
            message,
            {} if data is None else _output(json.loads(data).get("result") or {}),
            spent,
        )
    return list(records.values())


_OUTPUT = (
    "stdout",
    "stderr",
    "exit_code",
    "signal",
    "ended_by",
    "error",
    "attempt",
    "exports",
    "env",
    "changed",
    "warnings",
    "swept",
    "survivors",
    "cpu",
    "peak_memory",
    "output_bytes",
    "data",
)


def _output(result: dict[str, Any]) -> dict[str, Any]:
    found = {name: result[name] for name in _OUTPUT if name in result}
    # Events leave out what is empty; that nothing survived is worth saying where it is known.
    if found.get("attempt") and (found.get("error") or {}).get("code") not in LOST:
        found.setdefault("survivors", 0)
    return found
