"""A server that answers as a test says, for what a real agent never says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from runyard.hosts.agent.pool import Pool
from runyard.hosts.agent.web import AgentWeb
from runyard.hosts.site import Access

Answers = Mapping[str, tuple[int, Any]]


@asynccontextmanager
async def answering(answers: Answers, access: Access = Access()) -> AsyncIterator[AgentWeb]:
    """An agent `far` whose paths answer with a status and JSON, or with bytes as they are."""

    serving: list[asyncio.Task[None]] = []

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.ensure_future(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = [w for w in head.lower().splitlines() if w.startswith("content-length:")]
                await reader.readexactly(int(length[0].partition(":")[2]) if length else 0)
                path = head.split()[1].partition("?")[0]
                status, body = answers[path]
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n"
                writer.write(head.encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with Pool(access) as pool:
            yield AgentWeb("far", f"http://127.0.0.1:{port}/", pool)
    finally:
        server.close()
        await asyncio.gather(*serving, return_exceptions=True)
