"""The smallest agent with a door: bytes between a WebSocket and the supervisor of the run.

python -m tests.integration.door_agent STATE COUNT [RUN]   prints its ports, one listener each

With RUN its supervisors are started beforehand, as those of real agents are.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

from aiohttp import WSMsgType, web

from runyard.hosts import launch
from runyard.hosts.descriptors import raise_limit

TOKEN = "runner-token"
BLOCK = 1 << 18


class DoorAgent:
    """One listener. `doors` counts upgrades, `heartbeats` greetings; `cut` breaks all doors."""

    def __init__(self, state: Path, token: str = TOKEN) -> None:
        self.state = state
        self.token = token
        self.port = 0
        self.doors = self.heartbeats = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_post("/heartbeat", self._heartbeat)
        app.router.add_get("/door", self._door)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def stop(self) -> None:
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    def cut(self) -> None:
        for writer in self._open:
            writer.close()

    def supervisor(self, owner: str) -> socket.socket:
        """A connection to the supervisor of `owner`; it is started when there is none."""
        self.state.mkdir(parents=True, exist_ok=True)
        path = launch.socket_path(self.state, owner)
        sock, _ = launch.join(path, owner, launch.base_environment(), self.state)
        sock.setblocking(False)
        return sock

    def _refused(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.token}":
            return None
        return web.json_response({"error": "unauthorized"}, status=401)

    async def _heartbeat(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        self.heartbeats += 1
        return web.json_response(
            {
                "status": "ok",
                "capability": ["cmd.run", "shell.run"],
                "runyard": {"version": "test", "protocol": 1, "door": True},
            }
        )

    async def _door(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        self.doors += 1
        sock = self.supervisor(request.query["run"])
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=BLOCK)
        peer = web.WebSocketResponse(max_msg_size=(96 << 20) + 8, compress=False)
        await peer.prepare(request)
        self._open.add(writer)

        async def outward() -> None:
            while data := await reader.read(BLOCK):
                await peer.send_bytes(data)
            await peer.close()

        task = asyncio.ensure_future(outward())
        async for message in peer:
            if message.type is not WSMsgType.BINARY:
                break
            writer.write(message.data)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._open.discard(writer)
        writer.close()
        return peer


async def _main(state: str, count: int, run: str = "") -> None:
    raise_limit()
    agents = [DoorAgent(Path(state) / str(n)) for n in range(count)]
    kept = []
    for agent in agents:
        await agent.start()
        if run:
            kept.append(agent.supervisor(run))
    print(*(agent.port for agent in agents), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
