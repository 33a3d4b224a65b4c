"""A supervisor at the other end of an SSH channel."""

from __future__ import annotations

import asyncio
import secrets
import shlex
from typing import TYPE_CHECKING

from runyard.hosts import boot
from runyard.hosts.become import as_user, no_become
from runyard.hosts.client import Client
from runyard.hosts.ssh.link import Link
from runyard.model.action import Work
from runyard.model.errors import NetworkError, RunyardError, SystemFault
from runyard.model.result import Outcome

if TYPE_CHECKING:
    from runyard.hosts.ssh.channel import Stream
    from runyard.hosts.ssh.forward import Forward

LAST_WORDS = 1.0
"""Seconds for what a command that has failed says of itself."""

PATIENCE = 5.0
"""Seconds in which a shell answers when we ask whether there is one."""


class SshDialer:
    """Implements `Dialer`: each dial is a channel for a relay.

    It runs as `user`, or as who logs in (""). All dialers of a link share its connection.
    """

    def __init__(self, link: Link, user: str, run_id: str, python: str = "") -> None:
        self._link = link
        self._user = user
        self._words = boot.words(run_id, python)
        self._forwards: dict[str, Forward] = {}
        link.join(self)

    async def dial(self, client: Client) -> None:
        # `exec`: the login shell need not stay, waiting for our own.
        link, words = self._link, ["exec", *as_user(self._user), *self._words]
        arrival = boot.Arrival(client)
        await link.connection()  # before asyncssh is needed here: it loads meanwhile
        from runyard.hosts.ssh.channel import Stream, open_channel

        stream = Stream(arrival, link.distrust)
        await open_channel(link, lambda: stream, shlex.join(words))
        try:
            await arrival.wait()
        except NetworkError as error:
            raise await self._why(stream, error) from error
        link.answered()

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return None

    async def socket(self, path: str) -> str:
        from runyard.hosts.ssh.forward import Forward

        forward = self._forwards.get(path)
        if forward is None:
            forward = self._forwards[path] = Forward(self._link, path)
        return await forward.open()

    async def close(self) -> None:
        for forward in self._forwards.values():
            await forward.close()
        await self._link.leave(self)

    async def _why(self, stream: Stream, error: NetworkError) -> NetworkError | SystemFault:
        """What it means that the relay has not greeted."""
        try:
            await asyncio.wait_for(stream.ended.wait(), LAST_WORDS)
        except TimeoutError:
            return error
        if stream.status is None:
            return error
        said = stream.last_words or f"it ended with code {stream.status}"
        if await self._runs_commands():
            return boot.broken(said)
        if self._user:
            return no_become(self._user, stream.last_words)
        return SystemFault(
            f"the login shell at {self._link.where} does not run commands: {said}",
            code="LOGIN_SHELL",
            hint="connect as a user who has a shell",
            retryable=False,
        )

    async def _runs_commands(self) -> bool:
        """Whether a shell there does what it is told: then it was not the shell that has failed."""
        from runyard.hosts.ssh.channel import open_channel
        from runyard.hosts.ssh.command import Command

        said = bytearray()
        command = Command(lambda _, data: said.extend(data))
        halves = secrets.token_hex(8), secrets.token_hex(8)  # who repeats our words has a gap
        words = [*as_user(self._user), "sh", "-c", 'printf %s "$@"', "sh", *halves]
        try:
            await open_channel(self._link, lambda: command, shlex.join(words))
            await asyncio.wait_for(command.ended.wait(), PATIENCE)
        except (TimeoutError, RunyardError):
            return False
        finally:
            command.close()
        return "".join(halves).encode() in said
