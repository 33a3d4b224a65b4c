"""Answers about tasks: the one JSON shape that dispatchers read (contract 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from runyard.agent.order import Order
from runyard.model.light import dataclass
from runyard.model.result import Outcome
from runyard.model.status import Status

_WIRE = {
    Status.SUCCESS: "success",
    Status.SKIPPED: "success",
    Status.CANCELED: "canceled",
    Status.RUNNING: "running",
    Status.QUEUED: "running",
}
_WORDS = {"SUPERVISOR_LOST": "supervisor-lost: ", "INTERRUPTED": "interrupted: "}
_STREAMS = ("stdout", "stderr")
_FIELDS = tuple(f.name for f in fields(Outcome) if f.name not in _STREAMS)
_NOTHING = {name: getattr(Outcome(Status.FAILED), name) for name in _FIELDS if name != "status"}
_NOTHING["warnings"] = []
_STATUSES = frozenset(status.value for status in Status)
_TEXTS = (
    *("task_id", "run_id", "run_key", "step", "host", "action", "attempt", "status"),
    *_STREAMS,
)


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a stream: it begins at `offset`; ask for `next` to go on.

    `more`: there is more already.
    """

    text: str = ""
    offset: int = 0
    next: int = 0
    more: bool = False


def wire_status(status: str) -> str:
    """running, success, failed or canceled, for any status of ours."""
    return _WIRE.get(Status(status), "failed")


def record(order: Order, outcome: Outcome, times: tuple[float, float]) -> dict[str, Any]:
    """What is kept of a task that has ended, as JSON; times in seconds since 1970."""
    return {
        "task_id": order.task_id,
        "run_id": order.run_id,
        "run_key": order.run_key,
        "step": order.step,
        "host": order.host,
        "action": order.action,
        "attempt": order.attempt,
        "status": outcome.status.value,
        "started_at": times[0],
        "ended_at": times[1],
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "outcome": {name: getattr(outcome, name) for name in _FIELDS},
    }


def kept(data: Any) -> dict[str, Any] | None:
    """A `record` that was read from disk, with what an older version has not written yet.

    None when it is none that can be told.
    """
    if not isinstance(data, dict) or not isinstance(data.get("outcome"), dict):
        return None
    outcome = {**_NOTHING, "status": data.get("status"), **data["outcome"]}
    sound = (
        all(isinstance(data.get(name), str) for name in _TEXTS)
        and all(isinstance(data.get(name), int | float) for name in ("started_at", "ended_at"))
        and data["status"] in _STATUSES
        and all(isinstance(outcome[name], str) for name in ("status", "message", "ended_by"))
        and all(isinstance(outcome[name], dict) for name in ("env", "exports"))
        and isinstance(outcome["error"] or {}, dict)
        and all(isinstance(outcome[name] or 0, int) for name in ("exit_code", "signal"))
    )
    return {**data, "outcome": outcome} if sound else None


def running(order: Order, streams: Mapping[str, Text], *, offsets: bool = False) -> dict[str, Any]:
    """The envelope of a task that has not ended."""
    output = _output(streams, offsets=offsets)
    return _envelope(order.task_id, "running", output, order.run_id)


def ended(result: Mapping[str, Any], streams: Mapping[str, Text] | None = None) -> dict[str, Any]:
    """The envelope of a task of which `result` is kept; `streams` is what was asked for of them."""
    outcome = result["outcome"]
    if streams is None:
        output: dict[str, Any] = {name: result[name] for name in _STREAMS}
    else:
        output = _output(streams, offsets=True)
    exported = {**outcome["env"], **outcome["exports"]}
    if exported:
        output["vars"] = exported
    output["exit_code"] = _code(outcome)
    output["ended_by"] = outcome["ended_by"]
    envelope = _envelope(
        result["task_id"], wire_status(result["status"]), output, result["run_id"], _error(result)
    )
    envelope["result"]["runyard"] = {"status": result["status"], "outcome": outcome}
    return envelope


def canceled(task_id: str, run_id: str) -> dict[str, Any]:
    """The answer to a cancellation that was taken."""
    return {"result": {"task_id": task_id, "status": "canceled"}, "run_id": run_id, "error": ""}


def _envelope(
    task_id: str, status: str, output: Mapping[str, Any], run_id: str, error: str = ""
) -> dict[str, Any]:
    result = {"task_id": task_id, "status": status, "output": output, "error": error}
    return {"result": result, "run_id": run_id, "error": ""}


def _output(streams: Mapping[str, Text], *, offsets: bool) -> dict[str, Any]:
    output: dict[str, Any] = {}
    for name in _STREAMS:
        part = streams.get(name, Text())
        output[name] = part.text
        if offsets:
            output[f"{name}_offset"] = part.offset
            output[f"{name}_next"] = part.next
    if offsets:
        output["more"] = any(part.more for part in streams.values())
    return output


def _code(outcome: Mapping[str, Any]) -> int:
    code, signal = outcome["exit_code"], outcome["signal"]
    if code is not None:
        return int(code)
    if signal is not None:
        return 128 + int(signal)
    return 0 if outcome["status"] in (Status.SUCCESS, Status.SKIPPED) else -1


def _error(result: Mapping[str, Any]) -> str:
    if wire_status(result["status"]) == "success":
        return ""
    outcome = result["outcome"]
    code = (outcome["error"] or {}).get("code", "")
    return f"{_WORDS.get(code, '')}{outcome['message'] or result['status']}"
