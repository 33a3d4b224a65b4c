"""Reading what a container writes: live while it runs, or from the log that its daemon keeps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from runyard.runners.docker.daemon import request
from runyard.runners.docker.demux import Demux, Healer

if TYPE_CHECKING:
    from aiodocker.containers import DockerContainer
    from aiodocker.stream import Stream
    from aiohttp import ClientResponse


async def live(stream: Stream) -> AsyncIterator[tuple[int, bytes]]:
    """What comes over an attached stream, to its end. Raises ClientError, OSError."""
    while (message := await stream.read_out()) is not None:
        yield message.stream, message.data


async def logged(container: DockerContainer, *, follow: bool) -> AsyncIterator[tuple[int, bytes]]:
    """The whole log from its beginning; with `follow` also what comes, until the container ends.

    Whether the end was reached cannot be told from a followed log. Raises ClientError, OSError,
    DockerError.
    """
    frames, healer = Demux(), Healer()
    params = {"stdout": "1", "stderr": "1", "follow": str(int(follow))}
    async with _of(container, "GET", "logs", params) as answer:
        async for part in answer.content.iter_any():
            for stream, data in frames.feed(part):
                yield stream, healer.heal(stream, data)


async def measured(container: DockerContainer) -> AsyncIterator[dict[str, Any]]:
    """What the container uses, once a second until it ends. Raises as `logged`, ValueError."""
    async with _of(container, "GET", "stats", {"stream": "1"}) as answer:
        while line := await answer.content.readline():
            yield json.loads(line)


async def ended(container: DockerContainer) -> None:
    """Wait until the container does not run (any more, or yet). Raises as `logged`."""
    async with _of(container, "POST", "wait", {}) as answer:
        await answer.read()


def _of(
    container: DockerContainer, method: str, what: str, params: dict[str, str]
) -> AbstractAsyncContextManager[ClientResponse]:
    return request(container.docker, method, f"containers/{container.id}/{what}", params)
