"""Tasks over HTTP: answers as they come, and answers that are none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runyard.hosts.agent import wire
from runyard.model.errors import ArgumentError, RunyardError, SystemFault
from tests.unit.hosts.agent.answers import Answers, answering


def do(answers: Answers, act: Any) -> Any:
    async def run() -> Any:
        async with answering(answers) as web:
            return await act(web)

    return asyncio.run(run())


def envelope(status: str, **output: Any) -> tuple[int, Any]:
    return 200, {"result": {"task_id": "t", "status": status, "output": output}, "error": ""}


def test_a_task_that_runs_and_one_that_has_ended() -> None:
    running = do({"/run": envelope("running", stdout="a")}, lambda web: wire.run(web, {"ID": "t"}))
    assert not running.ended and running.text("stdout") == "a" and running.text("stderr") == ""
    ended = do({"/status": envelope("failed", exit_code=3)}, lambda web: wire.status(web, "t"))
    assert ended.ended and ended.output["exit_code"] == 3


def test_one_that_is_not_known() -> None:
    unknown = (404, {"error": "task not found"})
    assert do({"/status": unknown}, lambda web: wire.status(web, "t")) is None
    assert do({"/cancel": unknown}, lambda web: wire.cancel(web, "t")) is False
    assert do({"/cancel": (200, {"result": {}})}, lambda web: wire.cancel(web, "t")) is True


@pytest.mark.parametrize(
    ("answer", "kind", "word"),
    [
        ((400, {"error": "unsupported action x.y"}), ArgumentError, "unsupported action x.y"),
        ((413, {"error": "body of 20 MB"}), ArgumentError, "too large"),
        ((404, {"error": "no such endpoint"}), ArgumentError, "no such endpoint"),
        ((200, {}), SystemFault, "says nothing"),
        ((200, {"result": {"status": 7}}), SystemFault, "says nothing"),
        ((200, {"result": "x"}), SystemFault, "says nothing"),
    ],
)
def test_a_task_that_is_not_taken(answer: Any, kind: type[RunyardError], word: str) -> None:
    with pytest.raises(kind, match=word):
        do({"/run": answer}, lambda web: wire.run(web, {"ID": "t"}))


def test_output_that_is_of_another_kind_is_none() -> None:
    answer = (200, {"result": {"status": "success", "output": ["x"], "error": None}})
    state = do({"/status": answer}, lambda web: wire.status(web, "t"))
    assert state.text("stdout") == "" and state.error == ""
