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
from runyard.agent.shelf import Unfinished, Unreadable
from runyard.agent.task import Task
from runyard.agent.tools import Tools
from runyard.model.action import Action, Actions
from runyard.model.errors import NotFoundError, SystemFault
from runyard.model.light import dataclass
from runyard.store.spool import spool_path

LEAST = 60.0
"""Seconds for which a result is kept in any case, so that its dispatcher can ask for it."""

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
        self._unreadable: set[str] = set()
        self._at_work: set[asyncio.Task[None]] = set()

    @property
    def kept(self) -> int:
        """Number of tasks that have ended and are still known."""
        return len(self._kept)

    def place(self, order: Order, action: Action) -> Task | Kept:
        """The task of that ID, begun now if there is none.

        Nothing is awaited in here, so that of two who come at once the second finds the first.
        Raises SystemFault when there is one of that ID that cannot be read.
        """
        found = self._known(order.folder)
        if found is None:
            found = Task(order, self._tools)
            self._see(found, found.begin(action))
        return found

    def find(self, task_id: str) -> Task | Kept:
        """A task that is known. Raises NotFoundError; SystemFault when it cannot be read."""
        found = self._known(folder_of(task_id))
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
        """Order a living task to end; `hurry`: without its grace. Raises as `find`."""
        task = self._known(folder_of(task_id))
        if not isinstance(task, Task) or task.ended.is_set():
            raise NotFoundError("task not found or already done", code="TASK")
        await task.cancel(hurry=hurry)
        return task

    def restore(self, actions: Actions) -> None:
        """Know what earlier lives have done, and take up what they have left. Blocks."""
        for each in self._tools.shelf.load():
            try:
                self._restore(each, actions)
            except Exception:  # one of them must not cost all others
                _LOG.exception("a task of an earlier life cannot be taken up")

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
        bounds = self._tools.bounds
        while self._kept:
            oldest = next(iter(self._kept.values()))
            age = time.monotonic() - oldest.since
            many = len(self._kept) > bounds.keep_tasks and age >= LEAST
            if not many and age < bounds.keep_for:
                break
            await self._forget(oldest)

    async def make_room(self) -> None:
        """Remove output of ended tasks, oldest first, and then old results, until there is room."""
        for kept in list(self._kept.values()):
            if not self._tools.spools.full:
                return
            if await asyncio.to_thread(self._remove_output, kept):
                await asyncio.to_thread(self._tools.spools.look)
        for kept in list(self._kept.values()):
            if not self._tools.spools.full or time.monotonic() - kept.since < LEAST:
                return
            await self._forget(kept)

    # -- inside -------------------------------------------------------------------------------

    def _known(self, name: str) -> Task | Kept | None:
        """Raises SystemFault for one that cannot be read: it may run, so it must not be begun."""
        if name in self._unreadable:
            raise SystemFault(
                f"tasks/{name} of the agent was written by another version, which must tell of it",
                code="UNREADABLE",
                hint="start that version of runyard there; or remove it when nothing of it runs",
            )
        return self._live.get(name) or self._kept.get(name)

    def _restore(self, each: Unfinished | Unreadable | dict[str, Any], actions: Actions) -> None:
        if isinstance(each, Unfinished):
            task = Task(each.order, self._tools, each.began_at)
            action = actions.get(each.order.action)
            self._see(task, task.take_up(action, canceled=each.canceled))
        elif isinstance(each, Unreadable):
            self._unreadable.add(each.name)
            _LOG.warning("tasks/%s is kept as it is: %s", each.name, each.why)
        else:
            self._keep(each)

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

    async def _forget(self, kept: Kept) -> None:
        # Known until it is gone: what is begun anew under its ID must not be removed with it.
        await asyncio.to_thread(self._tools.shelf.remove, kept.name)
        await asyncio.to_thread(self._remove_output, kept)
        self._kept.pop(kept.name, None)

    def _remove_output(self, kept: Kept) -> bool:
        folder = self._tools.yard.root / "runs" / kept.run_key / "output"
        with suppress(OSError):
            path = spool_path(folder, kept.attempt)
            path.with_suffix(".name").unlink(missing_ok=True)
            path.unlink()
            return True
        return False
