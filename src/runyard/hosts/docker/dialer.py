"""A supervisor inside a container, reached by `docker exec`."""

from __future__ import annotations

import asyncio

from runyard.hosts import boot
from runyard.hosts.client import Client
from runyard.hosts.docker.container import Container
from runyard.hosts.docker.pipe import Pipe
from runyard.model.action import Work
from runyard.model.errors import NetworkError, SystemFault
from runyard.model.result import Outcome

LAST_WORDS = 1.0
"""Seconds in which a command that has failed is gone."""


class ContainerDialer:
    """Implements `Dialer`: each dial is a command that runs a relay."""

    def __init__(self, container: Container, run_id: str, python: str = "") -> None:
        self._container = container
        self._words = boot.words(run_id, python)
        self._pipes: list[Pipe] = []

    async def dial(self, client: Client) -> None:
        command, stream = await self._container.start(self._words, stdin=True)
        arrival = boot.Arrival(client)
        pipe = Pipe(stream, arrival)
        self._pipes = [each for each in self._pipes if not each.ended.is_set()] + [pipe]
        try:
            await arrival.wait()
        except NetworkError as error:
            pipe.abort()
            try:
                async with asyncio.timeout(LAST_WORDS):
                    await pipe.ended.wait()
            except TimeoutError:
                raise error from None
            said = pipe.said.decode(errors="replace")
            raise await self._container.failure(command, said) or error from None
        except BaseException:
            pipe.abort()
            raise

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return None

    async def socket(self, path: str) -> str:
        raise SystemFault(
            f"{self._container.host}: there is no way to the socket {path} in a container",
            code="NO_SOCKET",
            hint="have a host of the machine itself do this step: docker.run needs its daemon",
            retryable=False,
        )

    async def close(self) -> None:
        for pipe in self._pipes:
            pipe.abort()
            await pipe.ended.wait()
        self._pipes.clear()
        await self._container.close()
