"""One command in a running container, its streams as a transport of asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from runyard.model.errors import NetworkError
from runyard.runners.docker.daemon import ask

if TYPE_CHECKING:
    from aiodocker.containers import DockerContainer
    from aiodocker.stream import Stream

STDOUT: Final = 1
_TOLD: Final = 4096


async def begin(container: DockerContainer, words: Sequence[str], user: str) -> Stream:
    """Start `words` in the container as `user` ("" is the image's); its streams.

    Raises:
        NetworkError: the daemon is not there. What `runners.docker.fault` makes of a refusal.
    """

    async def start() -> Stream:
        made = await container.exec(
            list(words), stdout=True, stderr=True, stdin=True, tty=False, user=user
        )
        stream: Stream = made.start(detach=False)
        return await stream.__aenter__()

    return await ask(start(), "cannot start a command in the container")


class SessionTransport(asyncio.Transport):
    """Gives stdout to `protocol`, takes stdin from it; `told` is the last of stderr."""

    def __init__(self, stream: Stream, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.told = b""
        self._stream = stream
        self._protocol = protocol
        self._lost = False
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._tasks = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._write())]
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._lost:
            self._waiting.put_nowait(bytes(data))

    def close(self) -> None:
        """Pass on what was written, then leave."""
        self._waiting.put_nowait(None)

    def abort(self) -> None:
        self._lose(None)

    def is_closing(self) -> bool:
        return self._lost

    def pause_reading(self) -> None:
        """The reader is as fast as the protocol: nothing is read ahead."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    async def _read(self) -> None:
        failure: Exception | None = None
        try:
            while (message := await self._stream.read_out()) is not None:
                if message.stream == STDOUT:
                    self._protocol.data_received(message.data)
                else:
                    self.told = (self.told + message.data)[-_TOLD:]
        except Exception as error:  # whatever the connection died of
            failure = NetworkError(str(error) or type(error).__name__)
        self._lose(failure)

    async def _write(self) -> None:
        try:
            while (data := await self._waiting.get()) is not None:
                await self._stream.write_in(data)
        except Exception:  # the reader is told of the same, and says so
            return
        self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = True
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        closing = asyncio.ensure_future(_close(self._stream))
        self._tasks = [closing]
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, error)


async def _close(stream: Stream) -> None:
    with suppress(Exception):  # it is over, whatever it says
        await stream.close()
