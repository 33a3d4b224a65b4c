"""Makes connections to the supervisor behind an agent."""

from __future__ import annotations

from runyard.hosts.agent.door import Door
from runyard.hosts.agent.greeting import Greeting
from runyard.hosts.agent.perform import perform
from runyard.hosts.agent.web import AgentWeb
from runyard.hosts.client import Client
from runyard.model.action import Work
from runyard.model.errors import SystemFault
from runyard.model.result import Outcome


class AgentDialer:
    """Implements `Dialer` by an agent's door. `user` "" is the one that the agent runs as."""

    def __init__(
        self, web: AgentWeb, greeting: Greeting, run_id: str, epoch: int, user: str = ""
    ) -> None:
        self._web = web
        self._greeting = greeting
        self._run_id = run_id
        self._params = {"run": run_id, "epoch": str(epoch), **({"become": user} if user else {})}
        self._doors: list[Door] = []

    async def dial(self, client: Client) -> None:
        door = Door(await self._web.upgrade("/door", self._params), client)
        self._doors = [other for other in self._doors if not other.left]
        self._doors.append(door)

    async def perform(self, action: str, work: Work) -> Outcome | None:
        if action not in self._greeting.capabilities:
            return None
        return await perform(self._web, self._run_id, action, work)

    async def socket(self, path: str) -> str:
        raise SystemFault(
            f"there is no way to the socket {path} of {self._web.host}: an agent itself acts on it",
            code="NO_SOCKET",
            retryable=False,
        )

    async def close(self) -> None:
        doors, self._doors = self._doors, []
        for door in doors:
            door.abort()
            await door.gone()
