"""The state of a run as one agent knows it: its tasks, and attempts that came through doors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from runyard.agent.task import Task
from runyard.model.light import dataclass
from runyard.model.run import HostRecord, RunRecord, StepRecord
from runyard.model.status import Status
from runyard.supervisor.lost import EXITS, lines

_STARTS = "starts.jsonl"
_WORST = (Status.RUNNING, Status.INTERRUPTED, Status.FAILED, Status.CANCELED)
_OUTPUT = ("stdout", "stderr")
_BY_ORDER = {"timeout": Status.TIMEOUT, "cancel": Status.CANCELED}
_NEVER = ("lost", "start-failed")


@dataclass(frozen=True, slots=True)
class Seen:
    """The last attempt of one step on one host."""

    step: str
    host: str
    status: Status
    started_at: float | None
    finished_at: float | None = None
    message: str = ""
    output: Mapping[str, Any] | None = None


def of_task(task: Task) -> Seen:
    """A task that has not ended."""
    return Seen(task.order.step, task.order.host, Status.RUNNING, task.began_at)


def of_result(result: Mapping[str, Any]) -> Seen:
    """A task that has."""
    outcome = result["outcome"]
    return Seen(
        result["step"],
        result["host"],
        Status(result["status"]),
        result["started_at"],
        result["ended_at"],
        outcome["message"],
        {name: result[name] for name in _OUTPUT} | {"exit_code": outcome["exit_code"]},
    )


def attempts(folder: Path, alive: Callable[[str], bool], tasks: Iterable[str]) -> Iterator[Seen]:
    """What the supervisor has written in the output directory `folder` of a run. Blocks.

    `tasks` are attempts that are told of as tasks. The later attempt of a step on a host counts.
    Records that are about no attempt are passed over.
    """
    known = set(tasks)
    started: dict[str, float] = {}
    for start in _records(folder / _STARTS):
        started.setdefault(start["attempt"], _number(start.get("at")) or 0.0)
    ended = {}
    for record in _records(folder / EXITS):
        ended[record["attempt"]] = _of_exit(record)
    latest: dict[tuple[str, str], str] = {}
    for attempt in [*started, *(name for name in ended if name not in started)]:
        if attempt not in known:
            latest[_place(attempt)] = attempt
    for (step, host), attempt in latest.items():
        seen = ended.get(attempt)
        if seen is None or alive(attempt):
            status = Status.RUNNING if alive(attempt) else Status.INTERRUPTED
            seen = Seen(step, host, status, started.get(attempt))
        yield seen


def record_of(run_id: str, found: Iterable[Seen]) -> RunRecord:
    """The record of the run (contract 1, "Run"); its status is the worst that a step has."""
    steps: dict[str, StepRecord] = {}
    for seen in found:
        step = steps.setdefault(seen.step, StepRecord(seen.step, Status.RUNNING))
        step.hosts[seen.host] = HostRecord(
            seen.host,
            seen.status,
            seen.started_at,
            seen.finished_at,
            seen.message,
            dict(seen.output or {}),
        )
    for step in steps.values():
        hosts = list(step.hosts.values())
        step.status = _worst([host.status for host in hosts])
        step.started_at, step.finished_at = _span(hosts, step.status)
        step.message = next((host.message for host in hosts if not host.status.is_good), "")
    record = RunRecord(run_id, steps=list(steps.values()), kind="agent")
    record.status = _worst([step.status for step in record.steps])
    record.started_at, record.finished_at = _span(record.steps, record.status)
    record.last_error = next((s.message for s in record.steps if not s.status.is_good), "")
    record.updated_at = record.finished_at or record.started_at
    return record


def answer_of(record: RunRecord) -> dict[str, Any]:
    """The record as the original system writes it, which has no times of work."""
    answer = record.to_dict()
    for step in answer["steps"]:
        for host in step["hosts"].values():
            del host["worked"]
    return answer


def _records(path: Path) -> Iterator[dict[str, Any]]:
    return (record for _, _, record in lines(str(path)))


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _of_exit(record: Mapping[str, Any]) -> Seen:
    step, host = _place(record["attempt"])
    by, code = str(record.get("ended_by", "")), record.get("exit_code")
    if by in _BY_ORDER:
        status = _BY_ORDER[by]
    elif by in _NEVER:
        status = Status.ERROR
    else:
        status = Status.SUCCESS if by == "exit" and code == 0 else Status.FAILED
    message = "" if status is Status.SUCCESS else str(record.get("error") or by)
    if status is Status.FAILED and by == "exit":
        message = f"exit code {code}"
    output = {name: record.get(name, "") for name in _OUTPUT} | {"exit_code": code}
    began, ended = _number(record.get("started_at")), _number(record.get("ended_at"))
    return Seen(step, host, status, began, ended, message, output)


def _place(attempt: str) -> tuple[str, str]:
    """Step and host of `RUN/STEP/HOST/N`."""
    rest = attempt.partition("/")[2].rpartition("/")[0]
    step, _, host = rest.rpartition("/")
    return step, host


def _worst(statuses: Iterable[Status]) -> Status:
    found = {_plain(status) for status in statuses}
    return next((status for status in _WORST if status in found), Status.SUCCESS)


def _plain(status: Status) -> Status:
    """In the words that a run has."""
    if status.is_good:
        return Status.SUCCESS
    return status if status in _WORST else Status.FAILED


def _span(
    parts: Iterable[StepRecord] | Iterable[HostRecord], status: Status
) -> tuple[float | None, float | None]:
    begins = [part.started_at for part in parts if part.started_at is not None]
    ends = [part.finished_at for part in parts if part.finished_at is not None]
    over = status is not Status.RUNNING and ends
    return min(begins, default=None), max(ends) if over else None
