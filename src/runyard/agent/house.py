"""An agent put together: everything it consists of, opened and closed in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from runyard.agent.app import App, Opener, Route
from runyard.agent.beat import Beat
from runyard.agent.desk import Desk
from runyard.agent.doors import Doors
from runyard.agent.endpoints import TaskEndpoints
from runyard.agent.entrance import Entrance
from runyard.agent.fences import Fences
from runyard.agent.housekeeper import Housekeeper
from runyard.agent.live import LiveOutput
from runyard.agent.metrics import Metrics
from runyard.agent.office import Office
from runyard.agent.settings import AgentSettings
from runyard.agent.shelf import Shelf
from runyard.agent.slots import Slots
from runyard.agent.spools import Spools
from runyard.agent.state import State
from runyard.agent.token import Keeper
from runyard.agent.tools import Tools
from runyard.agent.yard import Yard
from runyard.runners.registry import ActionRegistry


class House:
    """One agent in one state directory. `open` once, then requests by `app`, then `close`."""

    def __init__(self, settings: AgentSettings, state: State, token: str) -> None:
        bounds = settings.bounds
        yard = Yard(state.root, state.epoch)
        shelf = Shelf(state.tasks)
        self._tools = Tools(
            yard,
            shelf,
            Slots(bounds.tasks, yard.alive),
            Spools(state.runs, bounds.spool, shelf),
            bounds,
        )
        metrics = Metrics()
        self._actions = ActionRegistry()
        self._desk = Desk(self._tools, metrics)
        self._doors = Doors(Fences(state.fences))
        self._leaving = asyncio.Event()
        tasks = TaskEndpoints(
            self._desk, LiveOutput(state.runs), self._actions, bounds, self._leaving
        )
        office = Office(
            Beat(settings), self._actions, self._tools, self._desk, self._doors, metrics
        )
        entrance = Entrance(self._doors, self._tools, metrics)
        self.app = App(Keeper(token), routes(tasks, office), doors(entrance), metrics)
        self._housekeeping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start or join the supervisor, and take up what the last life has left.

        Raises:
            SystemFault: there can be no supervisor here.
        """
        await self._tools.yard.client()
        await asyncio.to_thread(self._tools.spools.look)
        self._desk.restore(self._actions)
        keeper = Housekeeper(self._tools, self._desk, self._doors)
        self._housekeeping = asyncio.ensure_future(keeper.work())

    async def fall(self) -> None:
        """Wait until it cannot go on. Raises FencedError: another agent has our state directory."""
        assert self._housekeeping is not None, "it is not open"
        await asyncio.shield(self._housekeeping)

    def leave(self) -> None:
        """Answer whoever waits: we are about to go."""
        self._leaving.set()

    async def close(self) -> None:
        """Go. What runs goes on, under the supervisor."""
        self.leave()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            await asyncio.gather(self._housekeeping, return_exceptions=True)
        await self._tools.yard.close()


def routes(tasks: TaskEndpoints, office: Office) -> Mapping[str, Route]:
    """Every endpoint of HTTP (contract 2)."""
    return {
        "/run": Route(("POST",), tasks.run),
        "/status": Route(("GET", "POST"), tasks.status),
        "/cancel": Route(("POST",), tasks.cancel),
        "/heartbeat": Route(("POST",), office.heartbeat),
        "/health": Route(("GET",), office.health, free=True),
        "/run-status": Route(("GET",), office.run_status),
        "/metrics": Route(("GET",), office.metrics),
    }


def doors(entrance: Entrance) -> Mapping[str, Opener]:
    """Every endpoint that is a WebSocket."""
    return {"/door": entrance.open}
