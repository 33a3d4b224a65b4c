"""Module: tasks in order, or as their dependencies allow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from runyard.engine.running import Ran, Running
from runyard.engine.task import Task
from runyard.expr.when import When
from runyard.model.errors import (
    FencedError,
    InternalError,
    RunyardError,
    StoreError,
    UsageError,
)
from runyard.model.light import dataclass

Hook = Callable[[Running], Awaitable[None]]


@dataclass(frozen=True)
class Module:
    """Tasks that belong together (contract 3).

    A failing `pre_run` means that no task runs; `post_run` always runs, and its error counts only
    if there was none before. `enabled` False leaves the module out.

    Raises UsageError when a task could never start, or could not be told from another.
    """

    name: str
    tasks: tuple[Task, ...]
    enabled: When | bool = True
    pre_run: Hook | None = None
    post_run: Hook | None = None

    def __post_init__(self) -> None:
        names: set[str] = set()
        for task in self.tasks:
            if task.name in names:
                raise UsageError(f'module "{self.name}" has two tasks named "{task.name}"')
            names.add(task.name)
        order, ended = Order(self.tasks), set[str]()
        while ready := order.ready():
            for task in ready:
                ended.add(task.name)
                order.finish(task)
        for task in self.tasks:
            if task.name not in ended:
                waits = ", ".join(sorted(set(task.after or ()) - ended)) or "the one before it"
                raise UsageError(f'task "{task.name}" waits for what never ends: {waits}')

    def is_enabled(self, run: Running) -> bool:
        """`enabled` with the run's variables. Raises ArgumentError when it cannot be told."""
        if isinstance(self.enabled, bool):
            return self.enabled
        return self.enabled.evaluate(run.variables.scope(None))

    async def run(self, run: Running) -> Ran:
        """All tasks; the first error that is not ignored keeps later tasks from starting."""
        error = await call_hook(self.pre_run, run, f"pre_run of {self.name}")
        ran = Ran((), error) if error else await self._tasks(run)
        after = await call_hook(self.post_run, run, f"post_run of {self.name}")
        return ran if ran.error or not after else Ran(ran.results, after, ran.canceled)

    async def _tasks(self, run: Running) -> Ran:
        order = Order(self.tasks)
        done: dict[str, Ran] = {}
        flying: dict[asyncio.Task[Ran], Task] = {}
        error = ""
        try:
            while True:
                ready = order.ready() if not (error or run.halt.requested) else []
                if not ready and not flying:
                    break
                if len(ready) == 1 and not flying:
                    ended = [(ready[0], await ready[0].run(run))]
                else:
                    flying.update((asyncio.ensure_future(t.run(run)), t) for t in ready)
                    now, _ = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                    ended = [(flying.pop(future), future.result()) for future in now]
                for task, ran in ended:
                    order.finish(task)
                    done[task.name] = ran
                    error = error or ("" if task.ignore_error else ran.error)
        except (StoreError, FencedError):
            run.halt.request("the run cannot go on")
            raise
        finally:
            await asyncio.gather(*flying, return_exceptions=True)
        results = [r for t in self.tasks if t.name in done for r in done[t.name].results]
        return Ran(tuple(results), error, canceled=run.halt.requested)


class Order:
    """Hands out tasks as what they wait for is finished; linear in tasks and dependencies."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._open: dict[str, int] = {}
        self._next: dict[str, list[Task]] = {}
        self._ready: list[Task] = []
        before: tuple[str, ...] = ()
        for task in tasks:
            waits = before if task.after is None else task.after
            before = (task.name,)
            self._open[task.name] = len(set(waits))
            for name in set(waits):
                self._next.setdefault(name, []).append(task)
            if not waits:
                self._ready.append(task)

    def ready(self) -> list[Task]:
        """Tasks that may start now, each handed out once."""
        ready, self._ready = self._ready, []
        return ready

    def finish(self, task: Task) -> None:
        """`task` is over: what waited for it alone becomes ready."""
        for waiting in self._next.get(task.name, ()):
            self._open[waiting.name] -= 1
            if not self._open[waiting.name]:
                self._ready.append(waiting)


async def call_hook(hook: Callable[[Any], Awaitable[None]] | None, run: Running, name: str) -> str:
    """Run a hook of the Python door; its failure as one line, empty when it went well."""
    if hook is None:
        return ""
    try:
        await hook(run)
    except (StoreError, FencedError):
        raise
    except RunyardError as error:
        return f"{name}: {error.message}"
    except Exception as error:
        return InternalError.of(error, name).message
    return ""
