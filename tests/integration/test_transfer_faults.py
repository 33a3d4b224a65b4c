"""Files over TCP connections to which everything happens that networks do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runyard.hosts.remote import RemoteConnector
from tests.integration.proxy import Proxy
from tests.integration.tcp_relays import far
from tests.integration.yards import until


def random(folder: Path, size: int) -> Path:
    path = folder / "big"
    path.write_bytes(os.urandom(size))
    return path


async def there_and_back(way: RemoteConnector, src: Path, dest: Path) -> None:
    assert (await way.put(src, str(dest))).changed
    data = src.read_bytes()
    assert dest.read_bytes() == data
    assert b"".join([part async for part in way.get(str(dest))]) == data
    assert list(dest.parent.glob(".runyard-*")) == []


@asynccontextmanager
async def done(task: asyncio.Task[None]) -> AsyncIterator[None]:
    """Whatever is done in the block: the task must come to its end."""
    yield
    async with asyncio.timeout(120):
        await task


def test_packets_get_lost(tmp_path: Path) -> None:
    src = random(tmp_path, 150_000)

    async def run() -> None:
        async with far(tmp_path) as (way, proxy):
            proxy.loss, proxy.delay, proxy.jitter = 0.3, 0.02, 0.02
            await there_and_back(way, src, tmp_path / "copy")

    asyncio.run(run())


def test_the_link_flaps(tmp_path: Path) -> None:
    src = random(tmp_path, 1_500_000)

    async def run() -> None:
        async with far(tmp_path) as (way, proxy):
            proxy.bandwidth = 2_000_000
            async with proxy.flapping(0.7, 0.2):
                await there_and_back(way, src, tmp_path / "copy")
            assert proxy.connections > 3

    asyncio.run(run())


def test_the_link_is_cut_and_nobody_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runyard.hosts.remote.BEAT", 0.2)
    src = random(tmp_path, 8_000_000)

    async def stalled(proxy: Proxy, way: RemoteConnector) -> None:
        client = way.client
        proxy.stall()
        await until(lambda: way.client is not client or not client.connected, "it is given up")  # type: ignore[union-attr]
        proxy.resume()

    async def run() -> None:
        async with far(tmp_path) as (way, proxy):
            proxy.bandwidth = 8_000_000
            task = asyncio.create_task(there_and_back(way, src, tmp_path / "copy"))
            async with done(task):
                await until(lambda: proxy.up > 2_000_000, "it is under way")
                await stalled(proxy, way)
                await until(lambda: proxy.down > 2_000_000, "and back")
                await stalled(proxy, way)
            assert proxy.connections > 2

    asyncio.run(run())


def test_a_slow_link_is_not_taken_for_a_cut_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question whether the far side lives waits behind the file, and is answered late."""
    monkeypatch.setattr("runyard.hosts.remote.BEAT", 0.5)
    src = random(tmp_path, 500_000)

    async def run() -> None:
        async with far(tmp_path) as (way, proxy):
            proxy.bandwidth = 200_000
            await there_and_back(way, src, tmp_path / "copy")
            assert proxy.connections == 1

    asyncio.run(run())


def test_a_connection_ends_in_the_middle(tmp_path: Path) -> None:
    src = random(tmp_path, 3_000_000)

    async def run() -> None:
        async with far(tmp_path) as (way, proxy):
            proxy.truncate(2_000_000)
            proxy.cut()
            await there_and_back(way, src, tmp_path / "copy")
            assert proxy.connections == 3

    asyncio.run(run())


def test_memory_is_bounded_at_both_ends(tmp_path: Path) -> None:
    src, dest = tmp_path / "sparse", tmp_path / "copy"
    src.touch()
    os.truncate(src, 1 << 28)

    def peak(pid: int | str) -> int:
        """Most bytes of memory that the process has had since `reset`."""
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
        raise AssertionError(pid)

    async def run() -> None:
        async with far(tmp_path) as (way, _):
            await way.put(bytes(1 << 20), str(tmp_path / "warm"))
            assert way.client is not None
            pids = ("self", way.client.pid)
            for pid in pids:
                Path(f"/proc/{pid}/clear_refs").write_text("5")
            before = [peak(pid) for pid in pids]
            assert (await way.put(src, str(dest))).changed
            size = 0
            async for part in way.get(str(dest)):
                size += len(part)
            assert size == 1 << 28
            grown = [peak(pid) - was for pid, was in zip(pids, before, strict=True)]
            assert max(grown) < 50 << 20

    asyncio.run(run())
