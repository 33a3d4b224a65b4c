"""Files to hosts and from them: streamed, atomic, and over links that break."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runyard.hosts.local import LocalConnector
from runyard.hosts.plain import PlainConnector
from runyard.hosts.remote import RemoteConnector
from runyard.hosts.source import Source
from runyard.model.connector import Connector
from runyard.model.errors import (
    ArgumentError,
    HostLost,
    NotFoundError,
    RunyardError,
    SystemFault,
)
from runyard.model.progress import Progress
from tests.integration.relays import RelayDialer, remote
from tests.integration.yards import alive, until
from tests.unit.hosts.shells import LocalShell

BIG = 24 << 20
KINDS = ["local", "remote", "plain"]
_libc = ctypes.CDLL(None, use_errno=True)


@asynccontextmanager
async def host(kind: str, tmp_path: Path) -> AsyncIterator[Connector]:
    way: Connector
    if kind == "local":
        way = LocalConnector(tmp_path / "home", "me")
    elif kind == "remote":
        way = remote(tmp_path)[0]
    else:
        way = PlainConnector("far", LocalShell(tmp_path, os.environ["PATH"]), tmp_path / "out")
    await way.connect()
    try:
        yield way
    finally:
        await way.close(done=True)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(os.urandom(1 << 20) * (BIG >> 20))
    return path


def temporary(folder: Path) -> list[Path]:
    return list(folder.glob(".runyard-*"))


def free(disk: Path) -> int:
    """Bytes of room; what is removed is given free a moment later."""
    found = os.statvfs(disk)
    return found.f_bavail * found.f_bsize


async def whole(way: Connector, src: str) -> bytes:
    return b"".join([part async for part in way.get(src)])


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(tmp_path: Path, big: Path, kind: str) -> None:
    async def run() -> None:
        async with host(kind, tmp_path) as way:
            dest = tmp_path / "copy"
            far = Progress()
            first = await way.put(big, str(dest), mode=0o640, progress=far)
            assert far.total == BIG > far.done > 0
            data = big.read_bytes()
            assert dest.read_bytes() == data and dest.stat().st_mode & 0o7777 == 0o640
            assert first.changed and first.size == BIG
            assert first.sha256 == hashlib.sha256(data).hexdigest()
            inode = dest.stat().st_ino
            assert not (await way.put(big, str(dest))).changed
            assert (await way.put(big, str(dest), mode=0o600)).changed
            assert dest.stat().st_ino == inode and dest.stat().st_mode & 0o7777 == 0o600
            assert await whole(way, str(dest)) == data
            big.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))  # of the same size
            assert (await way.put(big, str(dest))).changed
            assert dest.read_bytes() == big.read_bytes()
            assert dest.stat().st_mode & 0o7777 == 0o600
            (tmp_path / "link").symlink_to("copy")
            await way.put(b"small", str(tmp_path / "link"))
            assert dest.read_bytes() == b"small" and (tmp_path / "link").is_symlink()
            empty = await way.put(b"", str(dest))
            assert empty.changed and await whole(way, str(dest)) == b""
            assert temporary(tmp_path) == []

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_clear_and_leave_nothing(tmp_path: Path, big: Path, kind: str) -> None:
    async def run() -> None:
        async with host(kind, tmp_path) as way:

            async def fails(
                error: type[RunyardError], src: Path | bytes, dest: str, owner: str | None = None
            ) -> RunyardError:
                with pytest.raises(error) as caught:
                    await way.put(src, dest, owner=owner)
                return caught.value

            for src in (big, b"small"):
                gone = await fails(NotFoundError, src, f"{tmp_path}/none/file")
                assert f"{tmp_path}/none: no such directory" in gone.message
                assert "is a directory" in (await fails(SystemFault, src, str(tmp_path))).message
                owner = await fails(RunyardError, src, f"{tmp_path}/file", "no-such-user-x")
                assert "no-such-user-x" in owner.message
                if os.path.ismount("/sys"):
                    denied = await fails(SystemFault, src, "/sys/runyard-test")
                    assert (denied.code, denied.retryable) == ("PERMISSION", False)
            missing = await fails(NotFoundError, tmp_path / "gone", f"{tmp_path}/file")
            assert f"no such file: {tmp_path}/gone" in missing.message
            assert "is a directory" in (await fails(ArgumentError, tmp_path, "/x")).message
            for bad in ("none", ".", "pipe"):
                with pytest.raises(RunyardError):
                    await whole(way, str(tmp_path / bad))
            assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["big"]

    os.mkfifo(tmp_path / "pipe")
    asyncio.run(run())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    target = tmp_path / "disk"
    target.mkdir()
    if _libc.mount(b"tmpfs", os.fsencode(target), b"tmpfs", 0, b"size=4m") != 0:
        pytest.skip("only root may mount a file system")
    try:
        yield target
    finally:
        _libc.umount2(os.fsencode(target), 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, big: Path, disk: Path, kind: str) -> None:
    async def run() -> None:
        async with host(kind, tmp_path) as way:
            (disk / "file").write_bytes(b"old")
            with pytest.raises(SystemFault) as full:
                await way.put(big, str(disk / "file"))
            assert full.value.code == "DISK_FULL"
            await until(lambda: temporary(disk) == [], "what was half there is gone")
            assert (disk / "file").read_bytes() == b"old"
            await until(lambda: free(disk) > 3 << 20, "so is its room")
            (disk / "filler").write_bytes(bytes(3 << 20))
            with pytest.raises(SystemFault):
                await way.put(bytes(2 << 20), str(disk / "file"))
            await until(lambda: temporary(disk) == [], "what was half there is gone")
            assert (disk / "file").read_bytes() == b"old"

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_changes_meanwhile_is_noticed(
    tmp_path: Path, big: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Source.read
    reads = 0

    async def meddled(self: Source, offset: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads == 3:
            with big.open("r+b") as file:
                file.write(b"meddled")
        return await read(self, offset, length)

    async def run() -> None:
        async with host(kind, tmp_path) as way:
            dest = tmp_path / "copy"
            dest.write_bytes(b"old")
            monkeypatch.setattr(Source, "read", meddled)
            with pytest.raises(SystemFault) as changed:
                await way.put(big, str(dest))
            assert changed.value.code == "CHANGED"
            assert dest.read_bytes() == b"old"
            await until(lambda: temporary(tmp_path) == [], "what was half there is gone")
            monkeypatch.undo()
            parts = way.get(str(big))
            await anext(parts)
            with big.open("r+b") as file:
                file.write(b"meddled again")
            with pytest.raises(SystemFault) as changed:
                async for _ in parts:
                    pass
            assert changed.value.code == "CHANGED"

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancelled_copy_leaves_the_old_file(tmp_path: Path, big: Path, kind: str) -> None:
    async def run() -> None:
        async with host(kind, tmp_path) as way:
            dest = tmp_path / "copy"
            dest.write_bytes(b"old")
            task = asyncio.create_task(way.put(big, str(dest)))
            await until(lambda: task.done() or temporary(tmp_path) != [], "it is under way")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: temporary(tmp_path) == [], "what was half there is gone")
            assert dest.read_bytes() == b"old"
            assert (await way.put(big, str(dest))).changed

    asyncio.run(run())


def slowed(way: RemoteConnector, dialer: RelayDialer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the link three times, each time between two parts."""
    read = Source.read
    reads = 0

    async def cutting(self: Source, offset: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads % 9 == 0 and reads < 30:
            dialer.cut()
        return await read(self, offset, length)

    monkeypatch.setattr(Source, "read", cutting)


def test_a_link_that_breaks_again_and_again(
    tmp_path: Path, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        way, dialer = remote(tmp_path)
        await way.connect()
        slowed(way, dialer, monkeypatch)
        dest, seen = tmp_path / "copy", set[str]()
        task = asyncio.create_task(way.put(big, str(dest)))
        while not task.done():
            seen |= {path.name for path in temporary(tmp_path)}
            await asyncio.sleep(0.01)
        assert (await task).changed and dest.read_bytes() == big.read_bytes()
        assert dialer.dials > 2
        assert len(seen) == 1  # it went on where it was, and did not begin anew
        got = bytearray()
        async for part in way.get(str(dest)):
            if (len(got) + len(part)) // (10 << 20) > len(got) // (10 << 20):
                dialer.cut()
            got += part
        dialer.cut()
        assert got == big.read_bytes()
        stat = await way.stat(str(dest))
        assert stat is not None and stat.size == BIG
        await way.close(done=True)

    asyncio.run(run())


def test_an_answer_that_was_lost_with_the_link(
    tmp_path: Path, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is asked twice: the second time all is done already."""

    async def run() -> None:
        way, dialer = remote(tmp_path)
        await way.connect()
        client = way.client
        assert client is not None
        send, commits = client.send, 0

        def sending(header: dict[str, object], payload: bytes = b"") -> asyncio.Future[object]:
            nonlocal commits
            reply = send(header, payload)
            if header["verb"] == "commit":
                commits += 1
                asyncio.get_running_loop().call_later(0.5, dialer.cut)
                reply = asyncio.get_running_loop().create_future()  # nobody hears it
                client._waiting[header["id"]] = reply  # type: ignore[index]
                monkeypatch.setattr(client, "_take", lambda *_: None)
            return reply  # type: ignore[return-value]

        monkeypatch.setattr(client, "send", sending)
        done = await way.put(big, str(tmp_path / "copy"))
        assert done.changed and commits == 1
        assert (tmp_path / "copy").read_bytes() == big.read_bytes()
        await way.close(done=True)

    asyncio.run(run())


def test_a_host_that_stays_away_is_lost(
    tmp_path: Path, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runyard.hosts.remote.PATIENCE", 0.3)

    async def run() -> None:
        way, dialer = remote(tmp_path)
        await way.connect()
        assert way.client is not None
        pid = way.client.pid
        dest = tmp_path / "copy"
        dest.write_bytes(b"old")
        slowed(way, dialer, monkeypatch)
        dialer.absent = True
        with pytest.raises(HostLost):
            await way.put(big, str(dest))
        assert len(temporary(tmp_path)) == 1 and alive(pid)  # it waits for us a while
        os.kill(pid, signal.SIGTERM)
        await until(lambda: not alive(pid), "the supervisor has left")
        assert temporary(tmp_path) == [] and dest.read_bytes() == b"old"
        await way.close()

    asyncio.run(run())


def test_whoever_asks_meanwhile_is_answered(tmp_path: Path) -> None:
    """A large file is digested, and the supervisor is there for others."""
    sparse = tmp_path / "sparse"
    sparse.touch()
    os.truncate(sparse, 1 << 29)

    async def run() -> None:
        way, _ = remote(tmp_path)
        await way.connect()
        client = way.client
        assert client is not None
        digest = client.send({"verb": "stat", "path": str(sparse), "digest": True})
        for _ in range(3):
            await client.call({"verb": "list"})
        assert not digest.done()
        small = client.call({"verb": "put", "dest": str(tmp_path / "small")}, b"x")
        assert (await small)[0]["changed"]
        assert len((await digest)[0]["stat"]["sha256"]) == 64
        await way.close(done=True)

    asyncio.run(run())
