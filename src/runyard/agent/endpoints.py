"""What the agent answers about tasks: `/run`, `/status`, `/cancel` (contract 2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runyard.agent import envelope
from runyard.agent.answer import Answer
from runyard.agent.body import read_json
from runyard.agent.desk import Desk, Kept
from runyard.agent.envelope import Text
from runyard.agent.live import LiveOutput, Offsets
from runyard.agent.order import BadRequest, Order
from runyard.agent.query import Query
from runyard.agent.settings import Bounds
from runyard.agent.task import Task
from runyard.model.action import Action, Actions
from runyard.store.bell import Bell

PATIENCE = 3.8
"""Seconds after which `/run` answers; the contract says 4."""


class TaskEndpoints:
    """Handlers of requests. They raise errors of the tree for what is refused.

    `leaving` is set when the agent is about to end: whoever waits is answered at once.
    """

    def __init__(
        self, desk: Desk, live: LiveOutput, actions: Actions, bounds: Bounds, leaving: asyncio.Event
    ) -> None:
        self._desk = desk
        self._live = live
        self._actions = actions
        self._bounds = bounds
        self._leaving = leaving

    async def run(self, request: Request) -> Response:
        """`POST /run`: begin a task, or attach to it."""
        until = time.monotonic() + _patience(request)
        order = Order.read(await read_json(request, self._bounds.body))
        found = self._desk.place(order, self._action(order.action))
        if isinstance(found, Task):
            await self._either(found.ended.wait(), until)
        return await self._tell(found, None)

    async def status(self, request: Request) -> Response:
        """`GET` or `POST /status`: how a task stands."""
        query = await Query.of(request, self._bounds.body)
        task_id, offsets, seconds = query.text("task_id"), query.offsets(), query.seconds("wait")
        found = self._desk.find(task_id)
        if seconds and isinstance(found, Task):
            until = time.monotonic() + seconds
            if offsets is None:
                await self._either(found.ended.wait(), until)
            else:
                await self._either(self._news(found, offsets), until)
        return await self._tell(found, offsets)

    async def cancel(self, request: Request) -> Response:
        """`POST /cancel`: order a task to end."""
        query = await Query.of(request, self._bounds.body)
        task = await self._desk.cancel(query.text("task_id"), hurry=query.at_once())
        return Answer(envelope.canceled(task.order.task_id, task.order.run_id))

    # -- inside -------------------------------------------------------------------------------

    def _action(self, name: str) -> Action:
        action = self._actions.get(name)
        if action is None:
            known = ", ".join(self._actions.names())
            raise BadRequest("unsupported action", code="UNKNOWN_ACTION", hint=f"known: {known}")
        return action

    async def _tell(self, found: Task | Kept, offsets: Offsets | None) -> Response:
        if isinstance(found, Kept):
            result: Any = await self._desk.result(found)
        elif found.refusal is not None:
            raise found.refusal
        else:
            result = found.result
        attempt = found.attempt
        if result is not None:
            streams = None
            if offsets is not None:
                streams = await self._live.read(attempt, offsets, whole=True)
            return Answer(envelope.ended(result, streams))
        assert isinstance(found, Task)
        streams = await self._live.read(attempt, offsets)
        told = envelope.running(found.order, streams, offsets=offsets is not None)
        return Answer(told)

    async def _news(self, task: Task, offsets: Offsets) -> None:
        """Until there is output behind `offsets`, or the task has ended."""
        folder = self._live.folder(task.attempt)
        name = self._live.path(task.attempt).name
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True, mode=0o700)
        async with Bell(folder, task.ended) as bell:
            size = -1
            while not task.ended.is_set():
                written = bell.names()
                if written is None or name in written:
                    grown = self._live.size(task.attempt)
                    if grown != size:
                        size = grown
                        if _any(await self._live.read(task.attempt, offsets)):
                            return
                await bell.wait()

    async def _either(self, what: Awaitable[object], until: float) -> None:
        """Wait for `what`, not longer than `until`, and not when we are about to leave."""
        waiting = asyncio.ensure_future(what)
        leaving = asyncio.ensure_future(self._leaving.wait())
        both = {waiting, leaving}
        try:
            await asyncio.wait(
                both,
                timeout=max(0.0, until - time.monotonic()),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)


def _any(streams: dict[str, Text]) -> bool:
    return any(part.text for part in streams.values())


def _patience(request: Request) -> float:
    """Seconds until `/run` answers: `wait`, of ours; an original dispatcher says nothing of it."""
    try:
        return min(PATIENCE, max(0.0, float(request.query_params.get("wait", PATIENCE))))
    except ValueError:
        return PATIENCE
