"""The first word with an agent: whether it lets us in, and of what kind it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.hosts.agent.web import AgentWeb
from runyard.model.errors import SystemFault
from runyard.model.light import dataclass

PROTOCOL = 1


@dataclass(frozen=True, slots=True)
class Greeting:
    """What an agent says of itself.

    Attributes:
        version: of runyard; "" for an agent of the original system.
        door: it has a door (docs/reference/supervisor-protocol.md), so that all actions work.
        capabilities: names of the actions that it can perform itself.
        about: what else it says: running tasks, platform, ….
    """

    version: str
    door: bool
    capabilities: frozenset[str]
    about: Mapping[str, Any]


async def greet(web: AgentWeb) -> Greeting:
    """Send a heartbeat.

    Raises:
        NetworkError: it does not answer.
        SystemFault: it refuses us, it is no agent, or one of another protocol.
    """
    status, answer = await web.ask("POST", "/heartbeat", body={})
    if status != 200 or answer.get("status") != "ok":
        raise SystemFault(
            f"what answers for {web.host} at {web.address} is no agent (/heartbeat: {status})",
            code="NO_AGENT",
            retryable=False,
        )
    capabilities = answer.get("capability")
    about = answer.get("runyard")
    greeting = Greeting(
        version=str(about.get("version", "")) if isinstance(about, dict) else "",
        door=isinstance(about, dict) and about.get("door") is True,
        capabilities=frozenset(map(str, capabilities if isinstance(capabilities, list) else ())),
        about=about if isinstance(about, dict) else {},
    )
    if greeting.door and greeting.about.get("protocol") != PROTOCOL:
        raise SystemFault(
            f"the agent of {web.host} (runyard {greeting.version}) speaks protocol "
            f"{greeting.about.get('protocol')}, and we speak {PROTOCOL}",
            code="AGENT_VERSION",
            hint="install the same version of runyard at both ends",
            retryable=False,
        )
    return greeting


class Contact:
    """One greeting per agent and run, however many of its users are used. A failure is not kept."""

    def __init__(self) -> None:
        self._greeting: Greeting | None = None

    async def greeting(self, web: AgentWeb) -> Greeting:
        """The greeting, the first one again and again. Raises as `greet`."""
        if self._greeting is None:
            self._greeting = await greet(web)
        return self._greeting
