"""Reading what a container writes: live while it runs, or from the log that its daemon keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from runyard.runners.docker.demux import Demux, Healer

if TYPE_CHECKING:
    from aiodocker.containers import DockerContainer
    from aiodocker.stream import Stream


async def live(stream: Stream) -> AsyncIterator[tuple[int, bytes]]:
    """What comes over an attached stream, to its end. Raises ClientError, OSError."""
    while (message := await stream.read_out()) is not None:
        yield message.stream, message.data


async def logged(container: DockerContainer, *, follow: bool) -> AsyncIterator[tuple[int, bytes]]:
    """The whole log from its beginning; with `follow` also what comes, until the container ends.

    Whether the end was reached cannot be told from a followed log. Raises ClientError, OSError,
    DockerError.
    """
    from aiodocker.exceptions import DockerError
    from aiohttp import ClientTimeout

    docker = container.docker
    url = f"{docker.docker_host}/{docker.api_version}/containers/{container.id}/logs"
    params = {"stdout": "1", "stderr": "1", "follow": str(int(follow))}
    frames, healer = Demux(), Healer()
    async with docker.session.get(url, params=params, timeout=ClientTimeout()) as answer:
        if answer.status != 200:
            raise DockerError(answer.status, (await answer.text())[:1000])
        async for part in answer.content.iter_any():
            for stream, data in frames.feed(part):
                yield stream, healer.heal(stream, data)
