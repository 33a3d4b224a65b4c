"""A host with a push agent: ours, with a door, or one of the original system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from runyard.hosts.agent.address import check
from runyard.hosts.agent.greeting import Contact, Greeting
from runyard.hosts.agent.pool import Pool
from runyard.hosts.agent.web import AgentWeb
from runyard.hosts.inventory import Host
from runyard.hosts.remote import RemoteConnector
from runyard.hosts.site import Site
from runyard.model.action import Work
from runyard.model.connector import Connector, FileStat, Put
from runyard.model.errors import SystemFault
from runyard.model.execution import Exec, Exit
from runyard.model.progress import Progress
from runyard.model.result import Outcome


class AgentConnector:
    """Implements `Connector`. Of what kind the agent is, the first contact tells."""

    def __init__(
        self, web: AgentWeb, contact: Contact, site: Site, user: str, warnings: tuple[str, ...]
    ) -> None:
        self._web = web
        self._contact = contact
        self._site = site
        self._user = user
        self._warnings = warnings
        self._way: Connector | None = None
        self._choosing: asyncio.Task[Connector] | None = None

    async def connect(self) -> None:
        await (await self._chosen()).connect()

    async def exec(self, work: Exec) -> Exit:
        end = await (await self._chosen()).exec(work)
        if not self._warnings:
            return end
        said, self._warnings = self._warnings, ()
        return replace(end, warnings=(*said, *end.warnings))

    async def recall(self, attempt: str) -> bool:
        return await (await self._chosen()).recall(attempt)

    async def put(
        self,
        data: bytes | Path,
        dest: str,
        *,
        mode: int | None = None,
        owner: str | None = None,
        progress: Progress | None = None,
    ) -> Put:
        return await (await self._chosen()).put(
            data, dest, mode=mode, owner=owner, progress=progress
        )

    async def get(self, src: str) -> AsyncIterator[bytes]:
        async for part in (await self._chosen()).get(src):
            yield part

    async def stat(self, path: str, *, digest: bool = False) -> FileStat | None:
        return await (await self._chosen()).stat(path, digest=digest)

    async def probe(self) -> dict[str, str]:
        return await (await self._chosen()).probe()

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return await (await self._chosen()).perform(action, work)

    async def socket(self, path: str) -> str:
        return await (await self._chosen()).socket(path)

    async def close(self, *, done: bool = False) -> None:
        if self._choosing is not None:
            self._choosing.cancel()
            await asyncio.gather(self._choosing, return_exceptions=True)
        if self._way is not None:
            await self._way.close(done=done)
        await self._web.close()

    # -- inside -------------------------------------------------------------------------------

    async def _chosen(self) -> Connector:
        """The way; who asks at the same time shares one greeting."""
        if self._way is not None:
            return self._way
        if self._choosing is None or self._choosing.done():
            self._choosing = asyncio.ensure_future(self._choose())
        return await asyncio.shield(self._choosing)

    async def _choose(self) -> Connector:
        greeting = await self._contact.greeting(self._web)
        self._way = self._by_door(greeting) if greeting.door else self._by_tasks()
        return self._way

    def _by_door(self, greeting: Greeting) -> Connector:
        from runyard.hosts.agent.dialer import AgentDialer

        site = self._site
        dialer = AgentDialer(self._web, greeting, site.run_id, site.epoch, self._user)
        return RemoteConnector(self._web.host, dialer, site.output, site.run_id, site.epoch)

    def _by_tasks(self) -> Connector:
        from runyard.hosts.agent.original import OriginalConnector

        if self._user:
            raise SystemFault(
                f"become: the agent of {self._web.host} is one of the original system and cannot "
                f"act as {self._user}",
                code="BECOME",
                hint="start that agent as this user, or `runyard agent` in its place",
                retryable=False,
            )
        return OriginalConnector(self._web, self._site.output, self._site.run_id)


class Agents:
    """Opens the ways to the agents of one run, which share what can be shared."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pool = Pool(site.access)
        self._contacts: dict[str, Contact] = {}

    def open(self, host: Host, become: str = "") -> AgentConnector:
        """The way to `host` as `become` ("" is the user that the agent runs as).

        Raises:
            UsageError: `ADDRESS`: it is no address of an agent.
        """
        check(host)
        web = AgentWeb(host.name, host.address, self._pool)
        self._pool.join(web)
        contact = self._contacts.setdefault(host.name, Contact())
        said = self._site.access.agents.get(host.name)
        warnings: tuple[str, ...] = ()
        if said is not None and not said.verify and web.address.startswith("https://"):
            text = f"agent_verify is false: whoever answers for {host.name} is taken for its agent"
            warnings = (text,)
        return AgentConnector(web, contact, self._site, become, warnings)


def open_agent(host: Host, become: str, site: Site) -> AgentConnector:
    """The way to one host alone."""
    return Agents(site).open(host, become)
