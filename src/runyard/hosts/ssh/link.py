"""One SSH connection, shared by all who work over it, and made again when it broke."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runyard.hosts.order import ignore
from runyard.hosts.ssh.early import Early
from runyard.hosts.ssh.target import Target, hop
from runyard.model.errors import NetworkError, RunyardError, SystemFault

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

    from runyard.hosts.ssh.handshake import Login

AT_ONCE: Final = 256
"""Handshakes at the same time, so that none is late for want of our own processor."""

PER_SERVER: Final = 10
"""The same to one server, which begins to drop some at that number (sshd's MaxStartups)."""

TRIES: Final = 4
CLOSE: Final = 2.0
ANSWER: Final = 15.0
DOUBTED: Final = 5.0


class Dropped(NetworkError):
    """The server ended the connection before it let us in; another try may do better."""

    hint = "is it an SSH server? One that is asked by many at once drops some (MaxStartups)"


class Links:
    """The connections of one run.

    A host has one for itself, whatever its users; those to jump hosts are shared by all hosts.
    """

    def __init__(self, *, accept_new: bool) -> None:
        self._accept_new = accept_new
        self._links: dict[tuple[str, Target], Link] = {}
        self._login: Login | None = None
        self._loading: asyncio.Future[None] | None = None
        self._early = Early(PER_SERVER)
        self._everywhere = asyncio.Semaphore(AT_ONCE)
        self._at: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(PER_SERVER)
        )

    def link(self, name: str, target: Target) -> Link:
        """The connection of host `name` to `target`; nothing is connected yet.

        Jump hosts have no name.
        """
        key = (name, target)
        link = self._links.get(key)
        if link is None:
            link = self._links[key] = Link(self, target)
        return link

    async def prepare(self, target: Target) -> tuple[Login, socket.socket | None]:
        """What handshakes have in common, and perhaps a connection to `target` already.

        The first to come load asyncssh, which takes a while; the others wait for it.
        """
        if self._login is not None:
            return self._login, None
        if self._loading is None:
            self._loading = asyncio.ensure_future(asyncio.to_thread(_load))
        early = asyncio.ensure_future(self._early.connect(target))
        try:
            await asyncio.shield(self._loading)
            if self._login is None:
                from runyard.hosts.ssh.handshake import Login

                self._login = Login(accept_new=self._accept_new)
            return self._login, early.result() if early.done() else None
        finally:
            early.cancel()

    def gates(self, server: str) -> tuple[asyncio.Semaphore, asyncio.Semaphore]:
        """To be passed for a handshake with `server`, in this order."""
        return self._at[server], self._everywhere


class Link:
    """A connection that opens when it is asked for, and closes when the last user leaves."""

    def __init__(self, links: Links, target: Target) -> None:
        self.target = target
        self.where = str(target)
        self._links = links
        self._users: set[object] = set()
        self._connection: SSHClientConnection | None = None
        self._opening: asyncio.Task[SSHClientConnection] | None = None
        self._jump: Link | None = None
        self._doubted = False

    def join(self, user: object) -> None:
        """Keep the connection open until `user` leaves."""
        self._users.add(user)

    async def leave(self, user: object) -> None:
        """`user` needs it no more; the last one closes it. Idempotent."""
        if user not in self._users:
            return
        self._users.discard(user)
        if self._users:
            return
        if self._opening is not None:
            self._opening.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            closing = asyncio.ensure_future(connection.wait_closed())
            await asyncio.wait([closing], timeout=CLOSE)
            closing.cancel()
        if self._jump is not None:
            await self._jump.leave(self)

    async def connection(self) -> SSHClientConnection:
        """The connection; who comes at the same time shares one handshake.

        Raises:
            NetworkError: the host cannot be reached, for now.
            SystemFault, ArgumentError: it does not let us in, or is not who it should be.
        """
        connection = self._connection
        if connection is not None and not connection.is_closed():
            return connection
        if self._opening is None or self._opening.done():
            self._opening = asyncio.ensure_future(self._open())
            self._opening.add_done_callback(ignore)
        return await asyncio.shield(self._opening)

    def way(self) -> Iterator[Link]:
        """This one and those that it goes through."""
        link: Link | None = self
        while link is not None:
            yield link
            link = link._jump

    def distrust(self) -> None:
        """Somebody was left waiting: the next answer must come soon."""
        self._doubted = True

    @property
    def patience(self) -> float:
        """Seconds in which the server answers."""
        return DOUBTED if self._doubted else ANSWER

    def answered(self) -> None:
        """The server lives."""
        self._doubted = False

    def drop(self) -> None:
        """The server does not answer: everybody needs another connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()

    async def _open(self) -> SSHClientConnection:
        left = TRIES
        while True:
            left -= 1
            try:
                self._connection = await self._try()
            except Dropped:
                if not left:
                    raise
            else:
                self._doubted = False
                return self._connection
            await asyncio.sleep(random.uniform(0.1, 0.5))

    async def _try(self) -> SSHClientConnection:
        login, sock = await self._links.prepare(self.target)
        from runyard.hosts.ssh.handshake import connect, plan

        try:
            planned = plan(self.target, login)
            self.where = planned.where
            tunnel = await self._tunnel(planned.jump)
            own, everywhere = self._links.gates(planned.server)
            async with own, everywhere:
                mine, sock = sock, None
                return await connect(planned, tunnel, mine)
        finally:
            if sock is not None:
                sock.close()

    async def _tunnel(self, jump: str) -> SSHClientConnection | None:
        """The connection to the last host on the way."""
        if not jump:
            return None
        if self._jump is None:
            before, _, last = jump.rpartition(",")
            target = replace(hop(last), jump=before, known_hosts=self.target.known_hosts)
            link = self._links.link("", target)
            if self in link.way():
                raise SystemFault(
                    f"the way to {self.target} leads through itself: ProxyJump {jump}",
                    code="SSH_CONFIG",
                    hint="exclude jump hosts in ~/.ssh/config: `Host * !JUMPHOST`",
                    retryable=False,
                )
            self._jump = link
            link.join(self)
        try:
            return await self._jump.connection()
        except RunyardError as error:
            raise error.about(f"jump host {self._jump.where} of {self.target}") from error


def _load() -> None:
    from runyard.hosts.ssh import handshake  # noqa: F401 - and asyncssh with it
