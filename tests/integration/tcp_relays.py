"""A remote host for tests at the other end of TCP: a relay for each connection, as by inetd."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from runyard.hosts import boot
from runyard.hosts.client import Client
from runyard.hosts.remote import RemoteConnector
from runyard.model.action import Work
from runyard.model.errors import NetworkError
from runyard.model.result import Outcome
from tests.integration.proxy import Proxy
from tests.integration.relays import RUN


class TcpDialer:
    """Implements `Dialer`."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def dial(self, client: Client) -> None:
        arrival = boot.Arrival(client)
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: arrival, "127.0.0.1", self._port)
        except OSError as error:
            raise NetworkError(f"cannot connect: {error}") from error
        await arrival.wait()

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return None

    async def socket(self, path: str) -> str:
        return path

    async def close(self) -> None:
        return None


@asynccontextmanager
async def far(tmp_path: Path) -> AsyncIterator[tuple[RemoteConnector, Proxy]]:
    """A connector to a host whose home is `tmp_path/far`, behind a proxy."""
    home = tmp_path / "far"
    home.mkdir(exist_ok=True)
    words = boot.words(RUN)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    relays: list[asyncio.subprocess.Process] = []
    loop = asyncio.get_running_loop()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    listener.setblocking(False)

    async def serve() -> None:
        while True:
            peer, _ = await loop.sock_accept(listener)
            peer.setblocking(True)
            with peer:
                relay = await asyncio.create_subprocess_exec(
                    *words, stdin=peer.fileno(), stdout=peer.fileno(), env=environment
                )
            relays.append(relay)

    serving = asyncio.ensure_future(serve())
    try:
        async with Proxy(listener.getsockname()[1]) as proxy:
            way = RemoteConnector("far", TcpDialer(proxy.port), tmp_path / "here" / "output", RUN)
            try:
                await way.connect()
                yield way, proxy
            finally:
                await way.close(done=True)
    finally:
        serving.cancel()
        await asyncio.wait([serving])
        listener.close()
        for relay in relays:
            await relay.wait()
