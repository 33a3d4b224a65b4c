from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runyard.agent import envelope
from runyard.agent.desk import Desk, Kept
from runyard.agent.metrics import Metrics
from runyard.agent.order import Order, folder_of
from runyard.agent.settings import Bounds
from runyard.agent.shelf import Shelf
from runyard.agent.slots import Busy, Slots
from runyard.agent.spools import SpoolFull, Spools
from runyard.agent.state import State
from runyard.agent.task import Task
from runyard.agent.tools import Tools
from runyard.agent.yard import Yard
from runyard.model.action import Action, Work
from runyard.model.errors import NotFoundError, StoreError, SystemFault
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.runners.actions.wait import WaitUntil
from runyard.runners.registry import ActionRegistry
from runyard.store.spool import spool_path

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
        shelf = Shelf(state.tasks)
        tools = Tools(
            yard,
            shelf,
            Slots(limits.tasks, yard.alive),
            Spools(state.runs, limits.spool, shelf),
            limits,
        )
        action = Counted(idempotent=idempotent)
        desk = Desk(tools, Metrics())
        desk.restore(ActionRegistry({action.name: lambda: action, "wait.until": WaitUntil}))
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
        tools.shelf.intend(order(action="gone.away"), time.time())

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
        begin = time.monotonic()
        await desk.tidy()
        assert desk.kept == 5  # whoever has ordered them has not had the time to ask
        monkeypatch.setattr(time, "monotonic", lambda: begin + 61)
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
        monkeypatch.setattr(time, "monotonic", lambda: begin + 3601)
        await desk.tidy()
        assert desk.kept == 0
        assert list((tmp_path / "tasks").iterdir()) == []

    with_desk(tmp_path, scenario, keep_tasks=3, keep_for=3600)


def test_output_makes_room_and_results_stay(tmp_path: Path) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        action.go.set()
        for n in range(4):
            task = begun(desk, action, task_id=f"t{n}")
            await task.ended.wait()
            folder = tmp_path / "runs" / RUN / "output"
            with spool_path(folder, task.attempt).open("ab") as file:
                file.write(b"x" * 20_000)
        tools.spools.look()
        assert tools.spools.full
        await desk.make_room()
        assert not tools.spools.full
        assert desk.kept == 4
        kept = desk.find("t0")
        assert isinstance(kept, Kept)
        assert (await desk.result(kept))["stdout"] == "done\n"

    with_desk(tmp_path, scenario, spool=50_000)


def test_results_and_orders_count_and_the_oldest_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(desk: Desk, tools: Tools, action: Counted) -> None:
        waiting = desk.place(replace(order(), vars={"V": "x" * 20_000}), action)
        assert isinstance(waiting, Task)
        while not action.done:
            await asyncio.sleep(0.01)
        assert tools.shelf.size > 20_000 and tools.spools.full
        action.go.set()
        await waiting.ended.wait()
        names = (f"t{n}" for n in range(1000))
        last = ""
        while not tools.spools.full:
            last = next(names)
            await begun(desk, action, task_id=last).ended.wait()
        begin, count = time.monotonic(), desk.kept
        files = (tmp_path / "tasks").rglob("*.json")
        assert tools.shelf.size == sum(file.stat().st_size for file in files)
        await desk.make_room()
        assert desk.kept == count
        refused = begun(desk, action, task_id="more")
        await refused.ended.wait()
        assert isinstance(refused.refusal, SpoolFull)
        monkeypatch.setattr(time, "monotonic", lambda: begin + 61)
        await desk.make_room()
        assert not tools.spools.full
        assert 0 < desk.kept < count
        desk.find(last)

    with_desk(tmp_path, scenario, spool=5_000)


def test_tasks_of_another_version(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What can be read is taken up, what cannot is kept and told of, and the agent starts."""

    async def die(desk: Desk, tools: Tools, action: Counted) -> None:
        for name in ("newer", "torn"):
            begun(desk, action, task_id=name)
        while action.done < 2:
            await asyncio.sleep(0.01)
        action.go.set()
        for name in ("kept", "older", "odd"):
            await begun(desk, action, task_id=name).ended.wait()

    def change(name: str, file: str, **more: Any) -> None:
        path = tmp_path / "tasks" / folder_of(name) / file
        data = {**json.loads(path.read_text()), **more}
        path.write_text(json.dumps({key: data[key] for key in data if data[key] is not None}))

    async def go_on(desk: Desk, tools: Tools, action: Counted) -> None:
        action.go.set()
        task = desk.find("newer")
        assert isinstance(task, Task)
        await task.ended.wait()
        assert task.result is not None and task.result["status"] == "success"
        for name in ("torn", "odd"):
            for ask in (desk.find, lambda name: begun(desk, action, task_id=name)):
                with pytest.raises(SystemFault, match=f"{name}-.*written by another version"):
                    ask(name)
        assert action.done == 1
        assert isinstance(desk.find("kept"), Kept)
        kept = desk.find("older")
        assert isinstance(kept, Kept)
        assert envelope.ended(await desk.result(kept))["result"]["status"] == "success"
        assert len(list((tmp_path / "tasks").iterdir())) == 5

    with_desk(tmp_path, die)
    running = tmp_path / "tasks"
    for name in ("newer", "torn"):  # what was done after the death of the desk does not count
        (running / folder_of(name)).mkdir(exist_ok=True)
        (running / folder_of(name) / "result.json").unlink(missing_ok=True)
        text = json.dumps(order(name).to_dict())
        (running / folder_of(name) / "order.json").write_text(text)
    change("newer", "order.json", invented="later")
    change("torn", "order.json", action=None)
    change("older", "result.json", outcome={"status": "success", "message": ""})
    change("odd", "result.json", run_key=None)
    with_desk(tmp_path, go_on)
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if "is kept as it is" in text]) == 2


@pytest.mark.parametrize("by", ["policy", "argument"])
def test_a_restart_gives_what_is_left_of_the_time(tmp_path: Path, by: str) -> None:
    async def leave(desk: Desk, tools: Tools, action: Counted) -> None:
        waits = Order("t", RUN, "s", "wait.until", "here", {"tcp": "127.0.0.1:1"})
        waits = (
            replace(waits, timeout=600.0)
            if by == "policy"
            else replace(waits, args={**waits.args, "timeout": "600s"})
        )
        tools.shelf.intend(waits, time.time() - 3600)

    async def go_on(desk: Desk, tools: Tools, action: Counted) -> None:
        task = desk.find("t")
        assert isinstance(task, Task)
        await task.ended.wait()
        assert task.result is not None
        assert task.result["status"] == "timeout"
        assert task.result["ended_at"] - task.result["started_at"] > 3600

    with_desk(tmp_path, leave)
    with_desk(tmp_path, go_on)


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
