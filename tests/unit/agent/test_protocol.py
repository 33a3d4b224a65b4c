from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from runyard.agent import protocol
from runyard.agent.protocol import BoundedProtocol

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


def with_server(
    scenario: Callable[[Callable[[], Any]], Coroutine[Any, Any, None]],
    application: Any = app,
    keep_alive: int = 60,
) -> None:
    async def main() -> None:
        config = uvicorn.Config(application, lifespan="off", log_config=None, ws="none")
        config.timeout_keep_alive = keep_alive
        config.load()
        state = ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: BoundedProtocol(config, state, {}), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
        async with server:
            await asyncio.wait_for(scenario(lambda: asyncio.open_connection("127.0.0.1", port)), 20)

    asyncio.run(main())


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head.split(b"\r\n")[0] + await reader.readexactly(2)


def test_requests_follow_each_other_on_a_connection() -> None:
    async def scenario(connect: Any) -> None:
        reader, writer = await connect()
        for _ in range(3):
            writer.write(GET + b"X-Long: " + b"x" * 50_000 + b"\r\n\r\n")
            assert await answer(reader) == b"HTTP/1.1 200 OKok"
        body = b"y" * 200_000
        writer.write(GET + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert await answer(reader) == b"HTTP/1.1 200 OKok"
        writer.write(GET)
        await asyncio.sleep(0.05)
        writer.write(b"\r\n")
        assert await answer(reader) == b"HTTP/1.1 200 OKok"
        writer.close()

    with_server(scenario)


def test_a_head_that_is_too_large() -> None:
    async def scenario(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(GET + b"\r\n")
        await answer(reader)
        writer.write(GET + b"X-Long: " + b"x" * 100_000)
        assert (await reader.read(100)).startswith(b"HTTP/1.1 400 ")
        writer.close()

    with_server(scenario)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", GET, GET + b"\r\n" + GET])
def test_a_head_that_does_not_come(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIME", 0.1)

    async def scenario(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(sent)
        read = await reader.read()  # to its end
        assert read.count(b"200 OK") == sent.count(b"\r\n\r\n")
        writer.close()

    with_server(scenario)


CHUNKED = GET + b"Transfer-Encoding: chunked\r\n\r\n"
TRAILERS = (b"X-A: " + b"a" * 4000 + b"\r\n") * 64
ONE_LONG = b"X-A: " + b"a" * 256_000


@pytest.mark.parametrize("sent", [TRAILERS, ONE_LONG], ids=["many", "one"])
@pytest.mark.parametrize("begin", [CHUNKED + b"0\r\n", CHUNKED + b"5;ext="], ids=["0", "ext"])
def test_trailers_and_framing_that_do_not_end(begin: bytes, sent: bytes) -> None:
    if begin.endswith(b"=") and sent is TRAILERS:
        sent = TRAILERS.replace(b"\r\n", b"")

    async def scenario(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(begin)
        await answer(reader)
        writer.write(sent * 4)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()

    with_server(scenario)


def test_trailers_before_an_answer_are_refused() -> None:
    async def reading(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        seen.append(scope["headers"])
        await app(scope, receive, send)

    seen: list[Any] = []

    async def scenario(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(CHUNKED + b"2\r\nab\r\n0\r\nX-Small: a\r\n\r\n")
        assert await answer(reader) == b"HTTP/1.1 200 OKok"
        writer.write(CHUNKED + b"2\r\nab\r\n0\r\n" + TRAILERS)
        assert (await reader.read(100)).startswith(b"HTTP/1.1 400 ")
        writer.close()

    with_server(scenario, reading)
    assert [name for name, _ in seen[0]] == [b"host", b"transfer-encoding"]
    assert len(seen) <= 2


def test_a_body_that_comes_after_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(connect: Any) -> None:
        reader, writer = await connect()
        for _ in range(2):
            writer.write(GET + b"Content-Length: 200000\r\n\r\n")
            assert await answer(reader) == b"HTTP/1.1 200 OKok"
            writer.write(b"y" * 200_000)
        writer.write(CHUNKED)
        assert await answer(reader) == b"HTTP/1.1 200 OKok"
        assert await reader.read() == b""
        writer.close()

    monkeypatch.setattr(protocol, "LATE_TIME", 0.3)
    with_server(scenario)


def test_who_says_nothing_more_after_a_late_body_is_left() -> None:
    async def scenario(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(GET + b"Content-Length: 2\r\n\r\n")
        assert await answer(reader) == b"HTTP/1.1 200 OKok"
        writer.write(b"yy")
        assert await reader.read() == b""
        writer.close()

    with_server(scenario, keep_alive=1)


def test_a_peer_that_makes_no_sense_is_told_and_not_logged(caplog: Any) -> None:
    async def scenario(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(b"\x16\x03\x01 no HTTP\r\n\r\n")
        assert (await reader.read(100)).startswith(b"HTTP/1.1 400 ")
        writer.close()

    with_server(scenario)
    assert {record.name for record in caplog.records} == {protocol.PEERS.name}
