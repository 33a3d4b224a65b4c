"""A unix socket of a host, made to listen here."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

from runyard.hosts.ssh.link import Link
from runyard.model.errors import RunyardError, SystemFault

_BLOCK = 1 << 16
_TRIES = 3


class Forward:
    """Listens at a private path here; who connects talks to `there` on the host.

    It outlives a broken connection: whoever connects next goes over the next one.
    """

    def __init__(self, link: Link, there: str) -> None:
        self._link = link
        self._there = there
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        """The path here. Raises NetworkError, and SystemFault `NO_SOCKET`."""
        (await self._reach())[1].close()
        if self._folder is None:
            # A short name: the address of a socket has room for 107 bytes.
            self._folder = tempfile.TemporaryDirectory(prefix="ry-")
            path = f"{self._folder.name}/s"
            self._server = await asyncio.start_unix_server(self._talk, path)
        return f"{self._folder.name}/s"

    async def close(self) -> None:
        """Stop listening, end what is under way. Idempotent."""
        if self._server is not None:
            self._server.close()
        for task in list(self._talks):
            task.cancel()
        if self._talks:
            await asyncio.wait(self._talks)
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    async def _reach(self) -> tuple[Any, Any]:
        left = _TRIES
        while True:
            left -= 1
            connection = await self._link.connection()
            import asyncssh

            try:
                return await connection.open_unix_connection(self._there, encoding=None)
            except (asyncssh.Error, OSError) as error:
                if not (left and connection.is_closed()):
                    raise self._fault(error) from error

    def _fault(self, error: Exception) -> SystemFault:
        why = getattr(error, "reason", "") or str(error)
        return SystemFault(
            f"the socket {self._there} at {self._link.where} cannot be reached: {why}",
            code="NO_SOCKET",
            hint="who logs in must be allowed to use it (for Docker: the group `docker`), and "
            "sshd to forward it (AllowStreamLocalForwarding)",
            retryable=False,
        )

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)
        far_writer = None
        try:
            far_reader, far_writer = await self._reach()
            import asyncssh

            try:
                await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
            except asyncssh.Error:
                pass
        except (RunyardError, OSError, asyncio.CancelledError):
            pass  # who has connected sees it closed
        finally:
            for each in (writer, far_writer):
                if each is not None:
                    each.close()


async def _pass(reader: Any, writer: Any) -> None:
    """Pass bytes on, no faster than they are taken, and then the end. Raises what breaks it."""
    while data := await reader.read(_BLOCK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
