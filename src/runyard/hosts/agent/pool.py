"""The HTTP client that all agents of a run share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runyard.hosts.site import Access, AgentAccess

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import ClientSession

_NOTHING_SAID = AgentAccess()
TURNS = 4
"""Turns of the loop in which connections with TLS that were closed are let go of."""


class Pool:
    """Opened by the first request, closed when the last one who has joined leaves."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._session: ClientSession | None = None
        self._members: set[object] = set()
        self._contexts: dict[AgentAccess, SSLContext] = {}

    def join(self, member: object) -> None:
        """Keep the client open until `member` leaves."""
        self._members.add(member)

    async def leave(self, member: object) -> None:
        """`member` needs it no more. Idempotent."""
        self._members.discard(member)
        if not self._members and self._session is not None:
            session, self._session = self._session, None
            await session.close()
            for _ in range(TURNS if self._contexts else 0):
                await asyncio.sleep(0)

    async def __aenter__(self) -> Pool:
        self.join(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._members = {self}
        await self.leave(self)

    def session(self) -> ClientSession:
        """The client. Only in a running loop."""
        if self._session is None:
            import aiohttp

            from runyard.hosts.agent.web import refuse

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                raise_for_status=refuse,
            )
        return self._session

    def shows_certificate(self, host: str) -> bool:
        """Whether the agent of `host` is shown a certificate of ours."""
        return bool(self.access.agents.get(host, _NOTHING_SAID).cert)

    def tls(self, host: str) -> SSLContext:
        """The TLS settings for the agent of `host`. Raises UsageError."""
        from dataclasses import replace

        from runyard.hosts.agent.tls import context_for

        # Hosts that differ in their tokens alone share one: a context is expensive.
        access = replace(self.access.agents.get(host, _NOTHING_SAID), token="")
        context = self._contexts.get(access)
        if context is None:
            context = self._contexts[access] = context_for(host, access)
        return context
