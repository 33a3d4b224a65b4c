"""A WebSocket as a transport: messages of any size, goodbyes, and ends without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from runyard.hosts.agent.door import PIECE, Door
from runyard.hosts.client import Client
from runyard.model.errors import NetworkError
from runyard.supervisor.frames import Decoder, encode


class Far:
    """The other end: frames that came, sizes of messages, and how to answer or leave."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.socket: web.WebSocketResponse | None = None
        self.split = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = self.socket = web.WebSocketResponse(max_msg_size=1 << 27, compress=False)
        await socket.prepare(request)
        decoder = Decoder()
        async for message in socket:
            self.sizes.append(len(message.data))
            for header, payload in decoder.feed(message.data):
                reply = encode({"id": header["id"], "ok": {"n": len(payload)}}, payload)
                step = self.split or len(reply)
                for at in range(0, len(reply), step):
                    await socket.send_bytes(reply[at : at + step])
        return socket


@asynccontextmanager
async def connected(far: Far) -> AsyncIterator[tuple[Client, Door]]:
    app = web.Application()
    app.router.add_get("/door", far.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/door"
        client = Client()
        door = Door(await session.ws_connect(url, max_msg_size=1 << 27, compress=0), client)
        yield client, door
        await client.close()
        await door.gone()
    await runner.cleanup()


def test_frames_are_a_stream_wherever_messages_end() -> None:
    async def run() -> None:
        far = Far()
        far.split = 7
        async with connected(far) as (client, door):
            replies = await asyncio.gather(
                *(client.call({"verb": "x"}, b"y" * n) for n in range(9))
            )
            assert [reply["n"] for reply, _ in replies] == list(range(9))
            assert not door.left
        assert len(far.sizes) == 1  # what waits is sent together
        assert door.left

    asyncio.run(run())


def test_a_large_request_goes_in_pieces() -> None:
    async def run() -> None:
        far = Far()
        async with connected(far) as (client, _):
            data = bytes(range(256)) * 14_000
            _, payload = await client.call({"verb": "x"}, data)
            assert payload == data
        assert len(far.sizes) == 4 and max(far.sizes) == PIECE

    asyncio.run(run())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_the_other_side_leaves(how: str) -> None:
    async def run() -> None:
        far = Far()
        async with connected(far) as (client, door):
            await client.call({"verb": "x"})
            assert far.socket is not None
            if how == "close":
                await far.socket.close(code=1012)
            else:
                transport = far.socket._req.transport  # type: ignore[union-attr]
                transport.abort()  # type: ignore[union-attr]
            await door.gone()
            assert not client.connected
            with pytest.raises(NetworkError):
                await client.call({"verb": "x"})

    asyncio.run(run())


def test_an_abandoned_door_is_gone_at_once() -> None:
    async def run() -> None:
        async with connected(Far()) as (client, door):
            waiting = client.send({"verb": "x"})
            client.abandon(NetworkError("enough"))
            with pytest.raises(NetworkError, match="enough"):
                await waiting
            await door.gone()
            assert door.left

    asyncio.run(run())
