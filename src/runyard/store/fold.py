"""Events → rows: the one place that says what an event means (`docs/reference/events.md`).

Pure: `fold` takes the row of the run and an event, and gives the new row and the named queries
that change the others. Folding a run's log from the start gives the rows that are stored.
`seq`, `version` and `updated_at` count writes; whoever appends the events keeps them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from runyard.model.errors import ConflictError
from runyard.model.event import Event
from runyard.model.light import dataclass
from runyard.model.run import SWEPT
from runyard.model.status import Status, check_run_transition, parse_status


@dataclass(frozen=True, slots=True)
class RunRow:
    """The row of a run. `status` is None before its first event. `id` is the row's key."""

    id: int
    run_id: str
    kind: str
    workflow_name: str
    workflow_version: str
    owner: str
    epoch: int = 1
    seq: int = 0
    version: int = 0
    status: Status | None = None
    message: str = ""
    last_error: str = ""
    interrupted_reason: str = ""
    last_notify_error: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    updated_at: float | None = None

    def params(self) -> dict[str, Any]:
        """Columns and values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Change:
    """One named query and its parameters besides `run`, `seq`, `at`, `step`, `host`."""

    query: str
    params: Mapping[str, Any]


Folded = tuple[RunRow, tuple[Change, ...]]
LATE = frozenset({"notify.failed", "run.swept"})
_BEHIND = 1 << 40
END_STATES = frozenset({"run.finished"})


def fold(run: RunRow, event: Event) -> Folded:
    """What `event` changes. An event whose type is not in RULES is only logged.

    Raises:
        ConflictError: the run's state does not allow it.
    """
    if run.status is not None and run.status.is_final and event.type not in _OPENING:
        raise ConflictError(
            f"run {run.run_id} has ended ({run.status}); {event.type} came too late",
            code="RUN_FINAL",
        )
    rule = RULES.get(event.type)
    return rule(run, event) if rule is not None else (run, ())


def _queued(run: RunRow, event: Event) -> Folded:
    check_run_transition(run.status, Status.QUEUED)
    return replace(run, status=Status.QUEUED), ()


def _started(run: RunRow, event: Event) -> Folded:
    check_run_transition(run.status, Status.RUNNING)
    return replace(run, status=Status.RUNNING, started_at=event.at), ()


def _claimed(run: RunRow, event: Event) -> Folded:
    return replace(run, epoch=int(event.data["epoch"]), owner=str(event.data["owner"])), ()


def _resumed(run: RunRow, event: Event) -> Folded:
    if run.status is not Status.RUNNING:
        check_run_transition(run.status, Status.RUNNING, resume=True)
    run = replace(
        run,
        status=Status.RUNNING,
        epoch=int(event.data.get("epoch", run.epoch)),
        owner=str(event.data.get("owner", run.owner)),
        message="",
        last_error="",
        interrupted_reason="",
        finished_at=None,
        started_at=event.at if run.started_at is None else run.started_at,
    )
    return run, ()


def _finished(run: RunRow, event: Event) -> Folded:
    data = event.data
    status = parse_status(str(data["status"]))
    check_run_transition(run.status, status)
    run = replace(
        run,
        status=status,
        epoch=int(data.get("epoch", run.epoch)),
        message=_text(data.get("message")),
        last_error=_error_text(data.get("error")),
        interrupted_reason=_text(data.get("interrupted_reason")),
        finished_at=event.at,
    )
    # Nothing goes on in a run that has ended, however it ended.
    return run, (Change("interrupt_steps", {}), Change("interrupt_attempts", {}))


def _step_started(run: RunRow, event: Event) -> Folded:
    hosts = json.dumps(list(event.data.get("hosts", ())))
    return run, (Change("step_started", {"hosts": hosts, "position": _position(event)}),)


def _step_left(run: RunRow, event: Event) -> Folded:
    hosts = json.dumps(list(event.data.get("hosts", ())))
    return run, (Change("step_left", {"hosts": hosts, "position": _position(event)}),)


def _step_finished(run: RunRow, event: Event) -> Folded:
    status = parse_status(str(event.data["status"]))
    message = _text(event.data.get("message"))
    return run, (Change("step_finished", {"status": status, "message": message}),)


def _attempt_started(run: RunRow, event: Event) -> Folded:
    return run, (Change("attempt_started", {"n": int(event.data["n"])}),)


def _ended(event: Event, n: int, done: bool) -> tuple[Change, ...]:
    result = event.data["result"]
    params = {
        "n": n,
        "status": parse_status(str(result["status"])),
        "started_at": result.get("started_at"),
        "finished_at": result.get("ended_at", event.at),
        "message": _text(result.get("message")),
        "done": done,
    }
    return (Change("attempt_ended", params),)


def _attempt_finished(run: RunRow, event: Event) -> Folded:
    return run, _ended(event, int(event.data["n"]), done=False)


def _result_reached(run: RunRow, event: Event) -> Folded:
    return run, _ended(event, int(event.data["result"].get("attempt", 0)), done=True)


def _approval_decided(run: RunRow, event: Event) -> Folded:
    # The answer is used up: a later life of the run must not find it once more.
    control = int(event.data.get("control", 0))
    return run, (Change("void_control", {"control": control}),) if control else ()


def _swept(run: RunRow, event: Event) -> Folded:
    if run.status is None or not run.status.is_final:
        raise ConflictError(f"run {run.run_id} is {run.status}, and has not ended")
    settled = [
        Change("settle_attempt", {"step": step, "host": host, "n": n, "message": SWEPT})
        for step, host, n in event.data.get("settled", ())
    ]
    if event.data["survivors"] or event.data.get("unreached"):
        return run, tuple(settled)
    return run, (*settled, Change("sweep_attempts", {"message": SWEPT}))


def _notify_failed(run: RunRow, event: Event) -> Folded:
    return replace(run, last_notify_error=_error_text(event.data.get("error"))), ()


RULES: dict[str, Callable[[RunRow, Event], Folded]] = {
    "run.queued": _queued,
    "run.claimed": _claimed,
    "run.started": _started,
    "run.resumed": _resumed,
    "run.finished": _finished,
    "step.started": _step_started,
    "step.finished": _step_finished,
    "step.left": _step_left,
    "attempt.started": _attempt_started,
    "attempt.finished": _attempt_finished,
    "result.reached": _result_reached,
    "approval.decided": _approval_decided,
    "notify.failed": _notify_failed,
    "run.swept": _swept,
}
# Every event there is, and the names in its data; "?" marks what may be missing. Those without
# a rule are only logged. Checked against `docs/reference/events.md`.
EVENTS: dict[str, tuple[str, ...]] = {
    "run.queued": (),
    "run.claimed": ("epoch", "owner"),
    "run.started": (),
    "run.resumed": ("epoch", "owner"),
    "run.finished": ("status", "message?", "error?", "interrupted_reason?", "epoch?"),
    "step.started": ("hosts", "index", "total"),
    "step.finished": ("status", "message"),
    "step.left": ("hosts", "index", "total"),
    "check.started": ("n", "grace", "become?"),
    "attempt.started": ("n", "grace", "become?"),
    "attempt.finished": ("n", "result"),
    "result.reached": ("result",),
    "retry.scheduled": ("n", "delay", "reason"),
    "approval.requested": ("message", "approvers", "form", "deadline"),
    "approval.decided": ("decision", "by", "comment", "values?", "control?"),
    "control.taken": ("id", "kind"),
    "warning.raised": ("message", "code"),
    "rollback.started": (),
    "rollback.finished": ("status",),
    "handler.started": (),
    "plan.accepted": ("digest",),
    "notify.failed": ("error", "seq?"),
    "run.swept": ("ended", "survivors", "unreached?", "settled?"),
}
_OPENING = LATE | {"run.resumed"}


def _position(event: Event) -> int:
    """The place of its step in the run; what has none there comes last, as it was begun."""
    return int(event.data.get("index") or 0) or _BEHIND + event.seq


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _error_text(error: object) -> str:
    if isinstance(error, Mapping):
        return _text(error.get("message"))
    return _text(error)
