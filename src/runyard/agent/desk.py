"""All tasks of an agent: who asks again for a task gets the one that there is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from runyard.agent.metrics import Metrics
from runyard.agent.order import Order, folder_of
from runyard.agent.shelf import Unfinished
from runyard.agent.task import Task
from runyard.agent.tools import Tools
from runyard.model.action import Action, Actions
from runyard.model.errors import NotFoundError
from runyard.model.light import dataclass
from runyard.store.spool import spool_path

_LOG = logging.getLogger("runyard.agent")


@dataclass(frozen=True, slots=True)
class Kept:
    """A task that has ended and is on disk; `since` by the monotonic clock of this process."""

    name: str
    task_id: str
    run_key: str
    attempt: str
    since: float


class Desk:
    """Takes orders, finds tasks, keeps results for a bounded time (contract 2)."""

    def __init__(self, tools: Tools, metrics: Metrics) -> None:
        self._tools = tools
        self._metrics = metrics
        self._live: dict[str, Task] = {}
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._at_work: set[asyncio.Task[None]] = set()

    @property
    def kept(self) -> int:
        """Number of tasks that have ended and are still known."""
        return len(self._kept)

    def place(self, order: Order, action: Action) -> Task | Kept:
        """The task of that ID, begun now if there is none.

        Nothing is awaited in here, so that of two who come at once the second finds the first.
        """
        found = self._live.get(order.folder) or self._kept.get(order.folder)
        if found is None:
            found = Task(order, self._tools)
            self._see(found, found.begin(action))
        return found

    def find(self, task_id: str) -> Task | Kept:
        """A task that is known. Raises NotFoundError."""
        name = folder_of(task_id)
        found = self._live.get(name) or self._kept.get(name)
        if found is None:
            raise NotFoundError("task not found", code="TASK")
        return found

    async def result(self, kept: Kept) -> Mapping[str, Any]:
        """What came of a task that has ended. Raises NotFoundError when that was removed."""
        found = await asyncio.to_thread(self._tools.shelf.result, kept.name)
        if found is None:
            raise NotFoundError("task not found", code="TASK")
        return found

    async def cancel(self, task_id: str, *, hurry: bool = False) -> Task:
        """Order a living task to end; `hurry`: without its grace. Raises NotFoundError."""
        task = self._live.get(folder_of(task_id))
        if task is None or task.ended.is_set():
            raise NotFoundError("task not found or already done", code="TASK")
        await task.cancel(hurry=hurry)
        return task

    def restore(self, actions: Actions) -> None:
        """Know what earlier lives have done, and take up what they have left. Blocks."""
        for each in self._tools.shelf.load():
            if isinstance(each, Unfinished):
                task = Task(each.order, self._tools)
                action = actions.get(each.order.action)
                self._see(task, task.take_up(action, canceled=each.canceled))
            else:
                self._keep(each)

    def lives(self, run_key: str) -> bool:
        """True while a task of that run has not ended."""
        return any(task.order.run_key == run_key for task in self._live.values())

    def of_run(self, run_key: str) -> tuple[list[Task], list[Mapping[str, Any]]]:
        """Tasks of a run that live, and the results of those that have ended. Blocks."""
        live = [task for task in self._live.values() if task.order.run_key == run_key]
        names = [kept.name for kept in self._kept.values() if kept.run_key == run_key]
        results = [self._tools.shelf.result(name) for name in names]
        return live, [result for result in results if result is not None]

    async def tidy(self) -> None:
        """Write down what the disk had no room for; forget what is too old or too much."""
        for task in [t for t in self._live.values() if t.ended.is_set()]:
            await task.keep()
            self._settle(task)
        bounds, now = self._tools.bounds, time.monotonic()
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if len(self._kept) <= bounds.keep_tasks and now - oldest.since < bounds.keep_for:
                break
            del self._kept[oldest.name]
            await asyncio.to_thread(self._forget, oldest)

    async def free_output(self) -> None:
        """Remove output of ended tasks, oldest first, until there is room; results stay."""
        for kept in list(self._kept.values()):
            if not self._tools.spools.full:
                return
            if await asyncio.to_thread(self._remove_output, kept):
                await asyncio.to_thread(self._tools.spools.look)

    # -- inside -------------------------------------------------------------------------------

    def _see(self, task: Task, life: Coroutine[Any, Any, None]) -> None:
        self._live[task.order.folder] = task
        working = asyncio.ensure_future(self._through(task, life))
        self._at_work.add(working)
        working.add_done_callback(self._at_work.discard)

    async def _through(self, task: Task, life: Coroutine[Any, Any, None]) -> None:
        started = time.monotonic()
        try:
            await life
        except Exception as error:
            _LOG.exception("task %s", task.order.task_id)
            await task.broke(error)
        self._tools.slots.give_back(task.attempt)
        if task.result is not None:
            self._metrics.ended("run", task.result["status"], time.monotonic() - started)
        if task.result is not None or task.refusal is not None:
            self._settle(task)
            task.ended.set()

    def _settle(self, task: Task) -> None:
        """A task that is on disk, or was never begun, needs no memory."""
        if task.written and task.result is not None:
            self._keep(task.result)
        if task.written or task.refusal is not None:
            self._live.pop(task.order.folder, None)

    def _keep(self, result: Mapping[str, Any]) -> None:
        name = folder_of(result["task_id"])
        self._kept[name] = Kept(
            name, result["task_id"], result["run_key"], result["attempt"], time.monotonic()
        )

    def _forget(self, kept: Kept) -> None:
        self._tools.shelf.remove(kept.name)
        self._remove_output(kept)

    def _remove_output(self, kept: Kept) -> bool:
        folder = self._tools.yard.root / "runs" / kept.run_key / "output"
        with suppress(OSError):
            path = spool_path(folder, kept.attempt)
            path.with_suffix(".name").unlink(missing_ok=True)
            path.unlink()
            return True
        return False
