from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.desk import Desk, Kept
from runyard.agent.metrics import Metrics
from runyard.agent.order import Order
from runyard.agent.settings import Bounds
from runyard.agent.shelf import Shelf
from runyard.agent.slots import Busy, Slots
from runyard.agent.spools import Spools
from runyard.agent.state import State
from runyard.agent.task import Task
from runyard.agent.tools import Tools
from runyard.agent.yard import Yard
from runyard.model.action import Action, Work
from runyard.model.errors import NotFoundError, StoreError
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.registry import ActionRegistry

RUN = "run-00000001"


class Counted:
    """An action in this process; `done` are its calls, `go` lets it end."""

    name = "test.counted"
    summary = ""
    params = ()
    supervised = False

    def __init__(self, *, idempotent: bool = True) -> None:
        self.idempotent = idempotent
        self.done = 0
        self.go = asyncio.Event()

    async def run(self, work: Work) -> Outcome:
        self.done += 1
        await self.go.wait()
        return Outcome(Status.SUCCESS, stdout="done\n")


def order(task_id: str = "t", action: str = "test.counted", **args: Any) -> Order:
    return Order(task_id, RUN, "step", action, "here", args)


def with_desk(
    root: Path,
    scenario: Callable[[Desk, Tools, Counted], Coroutine[Any, Any, None]],
    *,
    idempotent: bool = True,
    **bounds: Any,
) -> None:
    """One life of an agent's desk; its supervisor ends with it."""

    async def main() -> None:
        state = State.open(root)
        yard, limits = Yard(root, state.epoch), Bounds(**bounds)
        tools = Tools(
            yard,
            Shelf(state.tasks),
            Slots(limits.tasks, yard.alive),
            Spools(state.runs, limits.spool),
            limits,
        )
        action = Counted(idempotent=idempotent)
        desk = Desk(tools, Metrics())
        desk.restore(ActionRegistry({action.name: lambda: action}))
        try:
            await scenario(desk, tools, action)
        finally:
            await yard.close()
            state.close()

    asyncio.run(main())


def begun(desk: Desk, action: Action, **more: Any) -> Task:
    task = desk.place(order(**more), action)
    assert isinstance(task, Task)
    return task


def test_a_task_is_done_once_and_then_kept(tmp_path: Path) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        task = begun(desk, action)
        assert desk.place(order(), action) is task
        assert desk.find("t") is task
        action.go.set()
        await task.ended.wait()
        kept = desk.place(order(), action)
        assert isinstance(kept, Kept)
        assert (await desk.result(kept))["status"] == "success"
        assert (action.done, desk.kept, tools.slots.running) == (1, 1, 0)
        with pytest.raises(NotFoundError, match="already done"):
            await desk.cancel("t")
        with pytest.raises(NotFoundError, match="task not found"):
            desk.find("other")

    with_desk(tmp_path, scenario)
    with_desk(tmp_path, _still_known)


async def _still_known(desk: Desk, tools: Tools, action: Counted) -> None:
    assert isinstance(desk.place(order(), action), Kept)
    assert action.done == 0


def test_an_unfinished_task_is_taken_up(tmp_path: Path) -> None:
    async def die(desk: Desk, tools: Tools, action: Counted) -> None:
        begun(desk, action)
        while not action.done:
            await asyncio.sleep(0.01)

    async def go_on(desk: Desk, tools: Tools, action: Counted) -> None:
        task = desk.find("t")
        assert isinstance(task, Task)
        action.go.set()
        await task.ended.wait()
        assert task.result is not None
        assert (task.result["status"], action.done) == ("success", 1)

    with_desk(tmp_path, die)
    with_desk(tmp_path, go_on)


@pytest.mark.parametrize("canceled", [True, False])
def test_what_may_not_be_done_twice_was_interrupted(tmp_path: Path, canceled: bool) -> None:
    async def die(desk: Desk, tools: Tools, action: Counted) -> None:
        task = begun(desk, action)
        while not action.done:
            await asyncio.sleep(0.01)
        if canceled:
            tools.shelf.note_cancel(task.order.folder)

    async def go_on(desk: Desk, tools: Tools, action: Counted) -> None:
        task = desk.find("t")
        assert isinstance(task, Task)
        await task.ended.wait()
        assert task.result is not None
        assert task.result["status"] == ("canceled" if canceled else "interrupted")
        assert action.done == 0

    with_desk(tmp_path, die, idempotent=False)
    with_desk(tmp_path, go_on, idempotent=False)


def test_an_action_that_is_not_here_any_more(tmp_path: Path) -> None:
    async def leave(desk: Desk, tools: Tools, action: Counted) -> None:
        tools.shelf.intend(order(action="gone.away"))

    async def go_on(desk: Desk, tools: Tools, action: Counted) -> None:
        task = desk.find("t")
        assert isinstance(task, Task)
        await task.ended.wait()
        assert task.result is not None
        assert "gone.away" in task.result["outcome"]["message"]

    with_desk(tmp_path, leave)
    with_desk(tmp_path, go_on)


def test_cancel_before_it_has_begun(tmp_path: Path) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        task = begun(desk, action)
        await desk.cancel("t")
        await desk.cancel("t")
        await task.ended.wait()
        assert task.result is not None
        assert (task.result["status"], action.done) == ("canceled", 0)
        assert task.result["outcome"]["ended_by"] == "cancel"

    with_desk(tmp_path, scenario)


def test_a_refused_task_is_not_known(tmp_path: Path) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        first = begun(desk, action)
        while not action.done:
            await asyncio.sleep(0.01)
        second = begun(desk, action, task_id="second")
        same = begun(desk, action, task_id="second")
        assert same is second
        await second.ended.wait()
        assert isinstance(second.refusal, Busy)
        with pytest.raises(NotFoundError):
            desk.find("second")
        action.go.set()
        await first.ended.wait()
        await begun(desk, action, task_id="second").ended.wait()
        assert action.done == 2

    with_desk(tmp_path, scenario, tasks=1)


def test_an_order_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        (tmp_path / "tasks").rmdir()
        task = begun(desk, action)
        await task.ended.wait()
        assert isinstance(task.refusal, StoreError)
        (tmp_path / "tasks").mkdir()
        action.go.set()
        task = begun(desk, action)
        await task.ended.wait()
        assert task.result is not None

    with_desk(tmp_path, scenario)


def test_a_result_that_the_disk_has_no_room_for_is_kept_and_written_later(tmp_path: Path) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        task = begun(desk, action)
        while not action.done:
            await asyncio.sleep(0.01)
        place = tmp_path / "tasks" / task.order.folder
        place.rename(tmp_path / "away")
        action.go.set()
        await task.ended.wait()
        assert desk.find("t") is task
        assert task.result is not None
        assert not task.written
        await desk.tidy()
        assert not task.written
        (tmp_path / "away").rename(place)
        await desk.tidy()
        assert isinstance(desk.find("t"), Kept)
        assert tools.shelf.result(task.order.folder) is not None

    with_desk(tmp_path, scenario)


def test_ended_tasks_are_forgotten_by_number_and_age_but_not_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        action.go.set()
        for n in range(5):
            await begun(desk, action, task_id=f"t{n}").ended.wait()
        await desk.tidy()
        assert desk.kept == 3
        with pytest.raises(NotFoundError):
            desk.find("t0")
        desk.find("t4")
        spools = sorted(path.name for path in (tmp_path / "runs").rglob("*.log"))
        assert [name[:2] for name in spools] == ["t2", "t3", "t4"]
        monkeypatch.setattr(time, "time", lambda: 4e9)
        await desk.tidy()
        assert desk.kept == 3
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 3601)
        await desk.tidy()
        assert desk.kept == 0
        assert list((tmp_path / "tasks").iterdir()) == []

    with_desk(tmp_path, scenario, keep_tasks=3, keep_for=3600)


def test_output_makes_room_and_results_stay(tmp_path: Path) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        action.go.set()
        for n in range(4):
            await begun(desk, action, task_id=f"t{n}").ended.wait()
        tools.spools.look()
        assert tools.spools.full
        await desk.free_output()
        assert not tools.spools.full
        assert desk.kept == 4
        kept = desk.find("t0")
        assert isinstance(kept, Kept)
        assert (await desk.result(kept))["stdout"] == "done\n"

    with_desk(tmp_path, scenario, spool=100)


def test_a_defect_is_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        async def broken(self: object, what: object) -> Outcome:
            raise ZeroDivisionError("oops")

        monkeypatch.setattr(Counted, "run", broken)
        task = begun(desk, action)
        await task.ended.wait()
        assert task.result is not None
        assert task.result["outcome"]["error"]["code"] == "INTERNAL"

        monkeypatch.setattr(Slots, "take", broken)
        task = begun(desk, action, task_id="second")
        await task.ended.wait()
        assert task.result is not None
        assert "ZeroDivisionError" in task.result["outcome"]["message"]

    with_desk(tmp_path, scenario)


def test_tasks_of_a_run(tmp_path: Path) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        task = begun(desk, action)
        assert desk.lives(RUN)
        assert desk.of_run(RUN) == ([task], [])
        action.go.set()
        await task.ended.wait()
        assert not desk.lives(RUN)
        live, results = desk.of_run(RUN)
        assert (live, [result["task_id"] for result in results]) == ([], ["t"])
        assert desk.of_run("run-00000002") == ([], [])

    with_desk(tmp_path, scenario)
