from __future__ import annotations

import json
from typing import Any

import pytest

from runyard.agent import envelope
from runyard.agent.answer import Answer
from runyard.agent.envelope import Text
from runyard.agent.order import Order
from runyard.model.errors import SystemFault
from runyard.model.result import Outcome
from runyard.model.status import Status

ORDER = Order("t", "run-00000001", "step", "cmd.run", "here")


def result(**outcome: Any) -> dict[str, Any]:
    """The result in the envelope, as JSON."""
    status = outcome.pop("status", Status.SUCCESS)
    kept = envelope.record(ORDER, Outcome(status, **outcome), (1.0, 2.0))
    return json.loads(Answer(envelope.ended(json.loads(json.dumps(kept, default=str)))).body)[
        "result"
    ]


@pytest.mark.parametrize(
    ("status", "wire"),
    [
        ("running", "running"),
        ("queued", "running"),
        ("success", "success"),
        ("skipped", "success"),
        ("failed", "failed"),
        ("error", "failed"),
        ("timeout", "failed"),
        ("interrupted", "failed"),
        ("canceled", "canceled"),
    ],
)
def test_four_statuses_are_on_the_wire(status: str, wire: str) -> None:
    assert envelope.wire_status(status) == wire


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ({"exit_code": 0}, 0),
        ({"exit_code": 3, "status": Status.FAILED}, 3),
        ({"signal": 9, "status": Status.FAILED}, 137),
        ({}, 0),
        ({"status": Status.ERROR}, -1),
    ],
)
def test_exit_codes(outcome: dict[str, Any], code: int) -> None:
    assert result(**outcome)["output"]["exit_code"] == code


def test_a_success_has_no_error_and_vars_only_when_there_are_any() -> None:
    told = result(stdout="a", message="wrote x", exports={"B": 2}, env={"A": 1, "B": 1})
    assert (told["error"], told["output"]["vars"]) == ("", {"A": 1, "B": 2})
    assert "vars" not in result()["output"]


def test_what_was_lost_says_so() -> None:
    for code, word in (("SUPERVISOR_LOST", "supervisor-lost: "), ("INTERRUPTED", "interrupted: ")):
        error = SystemFault("it is gone", code=code).to_dict()
        told = result(status=Status.ERROR, error=error, message="it is gone")
        assert told["error"] == f"{word}it is gone"
    assert result(status=Status.FAILED)["error"] == "failed"


def test_our_dispatcher_gets_the_whole_outcome() -> None:
    made = Outcome(
        Status.TIMEOUT, "out", "err", None, 15, "timeout", {"code": "X"}, "late", warnings=("w",)
    )
    kept = envelope.record(ORDER, made, (1.0, 2.0))
    ours = json.loads(Answer(envelope.ended(kept)).body)["result"]["runyard"]
    assert ours["status"] == "timeout"
    told = {**ours["outcome"], "stdout": "out", "stderr": "err"}
    told.update(status=Status(told["status"]), warnings=tuple(told["warnings"]))
    assert Outcome(**told) == made


def test_running_and_offsets() -> None:
    streams = {"stdout": Text("b", 1, 2, more=True), "stderr": Text()}
    assert envelope.running(ORDER, streams) == {
        "result": {
            "task_id": "t",
            "status": "running",
            "output": {"stdout": "b", "stderr": ""},
            "error": "",
        },
        "run_id": "run-00000001",
        "error": "",
    }
    output = envelope.running(ORDER, streams, offsets=True)["result"]["output"]
    assert output == {
        "stdout": "b",
        "stdout_offset": 1,
        "stdout_next": 2,
        "stderr": "",
        "stderr_offset": 0,
        "stderr_next": 0,
        "more": True,
    }


def test_whatever_came_of_it_can_be_said() -> None:
    told = result(stdout="\ud800", data={"path": object, "n": 1.5}, exports={"x": "\udfff"})
    assert told["output"]["stdout"] == "\ud800"
    assert told["runyard"]["outcome"]["data"]["n"] == 1.5
