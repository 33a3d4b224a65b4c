"""Stopping work in mid-flight, from one place, with results still coming back by return value."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from runyard.model.errors import InternalError

T = TypeVar("T")


class Halted(Exception):
    """The work given to `Halt.run` was stopped before it could return a result."""


class Halt:
    """A stop signal with the tasks that it concerns.

    A request reaches the tasks in flight here and in all children. A task whose work is at a
    host ends it there and still returns its result; others raise, which becomes `Halted`.
    Asking a second time cuts the grace short.
    """

    def __init__(self, parent: Halt | None = None) -> None:
        self.reason = ""
        self._flying: set[asyncio.Task[Any]] = set()
        self._children: set[Halt] = set()
        self._parent = parent
        if parent is not None:
            parent._children.add(self)
            self.reason = parent.reason

    @property
    def requested(self) -> bool:
        """True once anybody asked."""
        return bool(self.reason)

    def request(self, reason: str) -> None:
        """Stop what is in flight and refuse what is not yet started."""
        self.reason = self.reason or reason
        for task in tuple(self._flying):
            task.cancel()
        for child in tuple(self._children):
            child.request(reason)

    def close(self) -> None:
        """No longer follow the parent."""
        if self._parent is not None:
            self._parent._children.discard(self)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`, stoppable.

        Raises:
            Halted: it was stopped and had no result of its own to return.
            InternalError: it ended as if cancelled, and nobody had cancelled it.
        """
        if self.reason:
            work.close()
            raise Halted(self.reason)
        task = asyncio.current_task()
        assert task is not None, "Halt.run belongs into a task"
        self._flying.add(task)
        try:
            return await work
        except asyncio.CancelledError:
            if self.reason:
                raise Halted(self.reason) from None
            if task.cancelling():
                raise
            # Passed on, it would end the run without a word.
            raise InternalError("the work was cancelled from within") from None
        finally:
            self._flying.discard(task)
            while self.reason and task.cancelling():
                # The cancellation was ours, and is dealt with: later awaits go on as usual.
                task.uncancel()
