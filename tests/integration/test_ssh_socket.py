"""A unix socket of a host, made to listen here."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runyard.model.errors import SystemFault
from tests.integration.sshd import Sshd
from tests.integration.sshhosts import far


def test_bytes_go_both_ways_and_over_the_next_connection(tmp_path: Path, sshd: Sshd) -> None:
    async def run() -> None:
        async with echoing(sshd) as there, far(tmp_path, sshd.host()) as (way, _):
            here = await way.socket(there)
            assert os.stat(Path(here).parent).st_mode & 0o777 == 0o700
            assert await way.socket(there) == here
            data = os.urandom(3 << 20)
            assert await talk(here, data) == data
            answers = await asyncio.gather(*(talk(here, bytes([n])) for n in range(20)))
            assert answers == [bytes([n]) for n in range(20)]
            sshd.drop()
            assert await talk(here, b"again") == b"again"
        assert not Path(here).exists()

    asyncio.run(run())


def test_a_socket_that_is_not_there(tmp_path: Path, sshd: Sshd) -> None:
    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, _):
            with pytest.raises(SystemFault) as error:
                await way.socket("/run/no-such-socket")
            assert (error.value.code, "docker" in error.value.hint) == ("NO_SOCKET", True)

    asyncio.run(run())


@asynccontextmanager
async def echoing(sshd: Sshd) -> AsyncIterator[str]:
    """A server at the far side that says what it hears."""
    folder = sshd.user.home / "socket"
    folder.mkdir()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(echo, folder / "s")
    os.chown(folder, sshd.user.uid, sshd.user.gid)
    os.chown(folder / "s", sshd.user.uid, sshd.user.gid)
    try:
        yield str(folder / "s")
    finally:
        server.close()
        shutil.rmtree(folder)


async def talk(path: str, data: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)

    async def say() -> None:
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    _, heard = await asyncio.gather(say(), reader.read())
    writer.close()
    await writer.wait_closed()
    return heard
