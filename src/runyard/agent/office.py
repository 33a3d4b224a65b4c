"""What the agent answers about itself: `/heartbeat`, `/health`, `/run-status`, `/metrics`."""

from __future__ import annotations

import asyncio
import json

from starlette.requests import Request
from starlette.responses import Response

from runyard.agent.answer import Answer
from runyard.agent.beat import Beat
from runyard.agent.desk import Desk
from runyard.agent.doors import Doors
from runyard.agent.metrics import CONTENT_TYPE, Metrics
from runyard.agent.order import BadRequest
from runyard.agent.tools import Tools
from runyard.model.action import Actions
from runyard.model.errors import NotFoundError
from runyard.model.ids import RUN_ID


class Office:
    """Handlers of requests, as `TaskEndpoints`."""

    def __init__(
        self, beat: Beat, actions: Actions, tools: Tools, desk: Desk, doors: Doors, metrics: Metrics
    ) -> None:
        self._beat = beat
        self._actions = actions
        self._tools = tools
        self._desk = desk
        self._doors = doors
        self._metrics = metrics
        self._capability: list[str] = []

    async def health(self, request: Request) -> Response:
        """`GET /health`: that we are there."""
        return Answer(self._beat.health())

    async def heartbeat(self, request: Request) -> Response:
        """`POST /heartbeat`: what we can do, and how much we do."""
        if not self._capability:
            self._capability = self._actions.names()
        running = await self._tools.slots.look()
        return Answer(self._beat.beat(self._capability, {"running": running}))

    async def run_status(self, request: Request) -> Response:
        """`GET /run-status`: what is known here of a run."""
        run_id = request.query_params.get("run_id", "")
        if not RUN_ID.fullmatch(run_id):
            raise BadRequest("run_id is malformed" if run_id else "run_id is missing")
        from runyard.agent import runstate

        live, results = await asyncio.to_thread(self._desk.of_run, run_id)
        alive = await self._tools.yard.alive()
        names = [task.attempt for task in live] + [str(each["attempt"]) for each in results]
        folder = self._tools.yard.root / "runs" / run_id / "output"
        found = await asyncio.to_thread(
            lambda: list(runstate.attempts(folder, alive.__contains__, names))
        )
        found += map(runstate.of_result, results)
        found += map(runstate.of_task, live)
        if not found:
            raise NotFoundError("run not found", code="RUN")
        answer = runstate.answer_of(runstate.record_of(run_id, found))
        return Response(json.dumps(answer), media_type="application/json")

    async def metrics(self, request: Request) -> Response:
        """`GET /metrics`: figures."""
        present = {
            "running": await self._tools.slots.look(),
            "kept": self._desk.kept,
            "doors": self._doors.count,
            "spool_bytes": self._tools.spools.total,
        }
        page = self._metrics.page(present)
        return Response(page, headers={"content-type": CONTENT_TYPE})
