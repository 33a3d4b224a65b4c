"""Commands in a container without Python, each an exec of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runyard.hosts.docker.container import Container
from runyard.hosts.shell import OnOutput
from runyard.model.errors import HostLost, NetworkError, RunyardError

if TYPE_CHECKING:
    from aiodocker.stream import Stream

_BLOCK = 1 << 18


class ContainerShell:
    """Implements `Shell`. Not `raw` over TLS, which cannot tell the end of stdin."""

    def __init__(self, container: Container) -> None:
        self._container = container

    @property
    def raw(self) -> bool:
        return self._container.half_closes

    async def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: bytes | None,
        on_output: OnOutput,
    ) -> None:
        from aiohttp import ClientError

        command, stream = await self._container.start(argv, stdin=stdin is not None, env=env)
        said = b""
        feeding = asyncio.ensure_future(_feed(stream, stdin)) if stdin is not None else None
        try:
            while (message := await stream.read_out()) is not None:
                said = (said + message.data)[:4096] if len(said) < 4096 else said
                on_output(message.stream, message.data)
        except (ClientError, OSError) as error:
            raise self._lost(NetworkError(str(error))) from error
        finally:
            if feeding is not None:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
            await stream.close()
        try:
            failure = await self._container.failure(command, said.decode(errors="replace"))
        except RunyardError as error:
            raise self._lost(error) from error
        if failure is not None:
            raise failure

    async def close(self) -> None:
        """The container is let go of by the dialer that shares it."""

    def _lost(self, error: RunyardError) -> HostLost:
        return HostLost.of(self._container.host, error)


async def _feed(stream: Stream, data: bytes) -> None:
    """Write stdin, and its end."""
    from aiohttp import ClientError

    try:
        for at in range(0, len(data), _BLOCK):
            await stream.write_in(data[at : at + _BLOCK])
        connection = stream._resp.connection if stream._resp is not None else None
        if connection is not None and connection.transport is not None:
            connection.transport.write_eof()
    except (ClientError, OSError, RuntimeError):
        return
