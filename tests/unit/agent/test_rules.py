from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.cutter import Cutter, Head
from runyard.agent.metrics import Metrics
from runyard.agent.rules import Rules
from runyard.agent.settings import Bounds
from runyard.agent.shelf import Shelf
from runyard.agent.slots import Slots
from runyard.agent.spools import Spools
from runyard.agent.tools import Tools
from runyard.agent.yard import Yard
from runyard.supervisor.frames import Decoder, encode
from runyard.supervisor.refusal import Refusal

RUN = "run-00000001"
ATTEMPT = f"{RUN}/s/h/1"
PRESENT = {"running": 0, "kept": 0, "doors": 0, "spool_bytes": 0}


async def nobody() -> set[str]:
    return set()


class Passage:
    """Rules with real parts, and nothing behind them."""

    def __init__(self, root: Path, *, own: bool = True, **bounds: Any) -> None:
        limits = Bounds(**bounds)
        shelf = Shelf(root)
        self.tools = Tools(
            Yard(root, 7),
            shelf,
            Slots(limits.tasks, nobody),
            Spools(root, limits.spool, shelf),
            limits,
        )
        self.metrics = Metrics()
        self.rules = Rules(RUN, 3, self.tools, self.metrics, own=own)

    def judge(self, **header: Any) -> dict[str, Any]:
        """The header as it goes on."""
        (head,) = Cutter().feed(encode(header))
        assert isinstance(head, Head)
        ((passed, _),) = Decoder().feed(asyncio.run(self.rules.judge(head)))
        return passed

    def answer(self, header: dict[str, Any], *pieces: bytes) -> dict[str, Any]:
        """The header as it goes back; `pieces` of its payload behind it."""
        (head, *_) = Cutter().feed(encode(header, b"".join(pieces)))
        assert isinstance(head, Head)
        whole = self.rules.answer(head)
        for number, piece in enumerate(pieces, 1):
            self.rules.peek(memoryview(piece), last=number == len(pieces))
        ((passed, _),) = Decoder().feed(whole + b"".join(pieces))
        return passed

    def hello(self) -> dict[str, Any]:
        return self.judge(id=1, verb="hello", version=1, owner=RUN, epoch=3)


def test_the_agent_introduces_itself(tmp_path: Path) -> None:
    said = Passage(tmp_path).hello()
    assert said == {"id": 1, "verb": "hello", "version": 1, "owner": "agent", "epoch": 7}
    assert Passage(tmp_path, own=False).hello()["owner"] == RUN


def test_an_end_is_seen_whatever_the_pieces(tmp_path: Path) -> None:
    passage = Passage(tmp_path)
    passage.hello()
    record = b'{"attempt": "a", "exit_code": 0, "signal": null, "ended_by": "exit", "stdout": "'
    for number, pieces in enumerate(
        [[record + b'"}'], [bytes([c]) for c in record + b"x" * 300], [record[:60], record[60:]]], 2
    ):
        passage.judge(id=number, verb="start", attempt=f"{ATTEMPT}{number}", argv=["x"], wait=True)
        assert passage.tools.slots.running == 1
        passage.answer({"id": number, "exit": f"{ATTEMPT}{number}"}, *pieces)
        assert passage.tools.slots.running == 0
    page = passage.metrics.page(PRESENT)
    assert 'tasks_total{way="door",status="success"} 3' in page


@pytest.mark.parametrize(
    ("record", "status"),
    [
        (b'{"exit_code": 3, "ended_by": "exit"}', "failed"),
        (b'{"exit_code": null, "ended_by": "signal:9"}', "failed"),
        (b'{"exit_code": null, "ended_by": "timeout"}', "timeout"),
        (b'{"exit_code": 143, "ended_by": "cancel"}', "canceled"),
        (b'{"exit_code": null, "ended_by": "lost"}', "error"),
        (b'{"exit_code": null, "ended_by": "start-failed"}', "error"),
        (b'{"exit_code": 0, "ended_by": "limit:output"}', "failed"),
        (b"nonsense", "failed"),
    ],
)
def test_how_an_attempt_ended(tmp_path: Path, record: bytes, status: str) -> None:
    passage = Passage(tmp_path)
    passage.hello()
    passage.judge(id=2, verb="start", attempt=ATTEMPT, argv=["x"], wait=True)
    passage.answer({"id": 2, "exit": ATTEMPT}, record)
    assert f'status="{status}"}} 1' in passage.metrics.page(PRESENT)


def test_a_place_is_given_back_when_nothing_was_started(tmp_path: Path) -> None:
    passage = Passage(tmp_path, tasks=1)
    passage.hello()
    passage.judge(id=2, verb="start", attempt=ATTEMPT, argv=["x"], wait=True)
    passage.answer({"id": 2, "error": {"code": "BAD_REQUEST", "message": "x"}})
    assert passage.tools.slots.running == 0
    passage.judge(id=3, verb="start", attempt=ATTEMPT, argv=["x"])
    passage.answer({"id": 3, "ok": {"new": True, "pid": 1, "ended": False}})
    assert passage.tools.slots.running == 1
    assert asyncio.run(passage.tools.slots.look()) == 0  # its end was not to be seen
    passage.judge(id=4, verb="start", attempt=ATTEMPT, argv=["x"])
    passage.answer({"id": 4, "ok": {"new": False, "pid": 1, "ended": True}})
    assert passage.tools.slots.running == 0


def test_a_door_that_closes_loses_sight(tmp_path: Path) -> None:
    for own, running in ((True, 1), (False, 0)):
        passage = Passage(tmp_path, own=own)
        passage.hello()
        passage.judge(id=2, verb="start", attempt=ATTEMPT, argv=["x"], wait=True)
        passage.rules.leave()
        assert passage.tools.slots.running == running


def test_lists_are_of_the_run(tmp_path: Path) -> None:
    passage = Passage(tmp_path)
    passage.hello()
    passage.judge(id=2, verb="list")
    all_of_them = {"live": {ATTEMPT: {"pid": 1}, "other/x/h/1": {}}, "ended": ["a/b/c/1", ATTEMPT]}
    told = passage.answer({"id": 2, "ok": all_of_them})
    assert told == {"id": 2, "ok": {"live": {ATTEMPT: {"pid": 1}}, "ended": [ATTEMPT]}}
    passage.judge(id=3, verb="list", attempt="")
    assert passage.answer({"id": 3, "ok": {"live": False, "ended": False}})["ok"]["live"] is False
    passage.judge(id=4, verb="list")
    assert "error" in passage.answer({"id": 4, "error": {"code": "FENCED", "message": "x"}})


def test_output_goes_back_as_it_is(tmp_path: Path) -> None:
    passage = Passage(tmp_path)
    frame = {"output": ATTEMPT, "stream": 1, "offset": 0, "at": 1}
    assert passage.answer(frame, b"text") == frame


@pytest.mark.parametrize(
    ("limits", "passed"),
    [
        (None, {"output": 1000}),
        ({}, {"output": 1000}),
        ({"memory": 5}, {"memory": 5, "output": 1000}),
        ({"output": 10}, {"output": 10}),
        ({"output": 1e9}, {"output": 1000}),
        ({"output": "1e9"}, {"output": 1000}),
        ({"output": None}, {"output": 1000}),
        (["output"], ["output"]),
    ],
)
def test_output_is_bounded(tmp_path: Path, limits: Any, passed: Any) -> None:
    passage = Passage(tmp_path, output=1000)
    passage.hello()
    said = passage.judge(id=2, verb="start", attempt=ATTEMPT, argv=["x"], limits=limits)
    assert said["limits"] == passed


def test_a_start_goes_on_as_it_came_where_nothing_is_to_be_bounded(tmp_path: Path) -> None:
    passage = Passage(tmp_path)
    passage.hello()
    start = {"id": 2, "verb": "start", "attempt": ATTEMPT, "argv": ["x"], "wait": True}
    assert passage.judge(**start) == start


@pytest.mark.parametrize("number", ["1", [1], 1.5, {}])
def test_ids_are_numbers(tmp_path: Path, number: Any) -> None:
    with pytest.raises(Refusal, match="number"):
        Passage(tmp_path).judge(id=number, verb="hello")
