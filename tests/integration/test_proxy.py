"""The proxy does what its page says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.integration.proxy import RETRANSMISSION, Proxy
from tests.integration.yards import until

Test = Callable[[Proxy, list[bytes]], Awaitable[None]]


@asynccontextmanager
async def echo(seen: list[bytes]) -> AsyncIterator[int]:
    """A server that answers with what it gets; `seen` is what each connection has sent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(seen)
        seen.append(b"")
        try:
            while data := await reader.read(1 << 16):
                seen[number] += data
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def run(test: Test) -> None:
    async def go() -> None:
        seen: list[bytes] = []
        async with echo(seen) as port, Proxy(port) as proxy:
            async with asyncio.timeout(60):
                await test(proxy, seen)

    asyncio.run(go())


async def talk(proxy: Proxy, data: bytes) -> bytes:
    """What comes back on a connection of its own until it ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(data)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


def test_it_passes_everything_both_ways() -> None:
    async def test(proxy: Proxy, seen: list[bytes]) -> None:
        data = bytes(range(256)) * 5000
        answers = await asyncio.gather(*(talk(proxy, data) for _ in range(3)))
        assert answers == [data] * 3 == seen
        assert (proxy.connections, proxy.up, proxy.down) == (3, 3 * len(data), 3 * len(data))

    run(test)


@pytest.mark.parametrize("fault", ["delay", "bandwidth", "loss"])
def test_what_is_late_is_whole_and_in_order(fault: str) -> None:
    async def test(proxy: Proxy, seen: list[bytes]) -> None:
        proxy.delay, proxy.jitter = (0.2, 0.1) if fault == "delay" else (0.0, 0.0)
        proxy.bandwidth = 400_000 if fault == "bandwidth" else None
        proxy.loss = 0.3 if fault == "loss" else 0.0
        data = bytes(range(256)) * (1000 if fault == "loss" else 500)
        began = time.monotonic()
        assert await talk(proxy, data) == data
        assert time.monotonic() - began >= RETRANSMISSION  # the least, of what the fault makes it
        assert seen == [data]

    run(test)


def test_a_stalled_connection_is_open_and_silent() -> None:
    async def test(proxy: Proxy, seen: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        proxy.stall()
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        proxy.resume()
        assert await reader.readexactly(3) == b"two"
        writer.close()

    run(test)


def test_cut_resets_and_refuse_refuses() -> None:
    async def test(proxy: Proxy, seen: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"one")
        await reader.readexactly(3)
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"two")
        assert await reader.readexactly(3) == b"two"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()
        port = proxy.port
        proxy.accept()
        assert proxy.port == port
        assert await talk(proxy, b"three") == b"three"

    run(test)


def test_truncate_ends_one_connection_in_the_middle() -> None:
    async def test(proxy: Proxy, seen: list[bytes]) -> None:
        proxy.truncate(100_000)
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(bytes(150_000))
        assert await reader.read() == bytes(100_000)
        writer.close()
        assert await talk(proxy, bytes(150_000)) == bytes(150_000)

    run(test)


def test_duplicate_replays_what_comes_first() -> None:
    async def test(proxy: Proxy, seen: list[bytes]) -> None:
        proxy.duplicate()
        assert await talk(proxy, b"POST") == b"POST"
        assert await talk(proxy, b"GET") == b"GET"
        await until(lambda: len(seen) == 3, "three connections")
        assert (sorted(seen), proxy.replays) == ([b"GET", b"POST", b"POST"], 1)

    run(test)


def test_flapping_is_down_and_up_again() -> None:
    async def test(proxy: Proxy, seen: list[bytes]) -> None:
        outcomes = set()
        async with proxy.flapping(0.1, 0.1):
            deadline = time.monotonic() + 30
            while len(outcomes) < 2 and time.monotonic() < deadline:
                try:
                    outcomes.add(await talk(proxy, b"x") == b"x")
                except OSError:
                    outcomes.add(False)
                await asyncio.sleep(0.01)
        assert outcomes == {True, False}
        assert await talk(proxy, b"after") == b"after"

    run(test)
