"""A host by SSH that has BusyBox and nothing else: no Python, no /proc, no bash."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.model.errors import HostLost, RunyardError
from tests.integration.sshd import Sshd, server
from tests.integration.sshhosts import RUN, far, shell
from tests.integration.users import needed, needed_root, new_user
from tests.integration.yards import alive, until

TOOLS = "sh cat cd chmod chown cp cut dd echo env grep head id kill ls mkdir mktemp mv printf rm "
TOOLS += "sed setsid sha256sum sleep sort stat tail test touch tr true uname wc base64 od cmp ps"


@pytest.fixture(scope="module")
def bare_of_module() -> Iterator[Sshd]:
    """A server whose user sees a root directory with BusyBox."""
    needed_root()
    busybox = needed("busybox")
    # sshd wants a way of root's own directories to it, and /tmp is everybody's.
    place = Path(tempfile.mkdtemp(prefix="runyard-bare-", dir="/run"))
    place.chmod(0o755)
    try:
        with new_user("b") as user:
            home = place / user.home.relative_to("/")
            for folder in ("bin", "dev", "tmp", "etc", home):
                (place / folder).mkdir(parents=True, exist_ok=True)
            (place / "tmp").chmod(0o1777)
            shutil.copy(busybox, place / "bin/busybox")
            for name in TOOLS.split():
                (place / "bin" / name).symlink_to("busybox")
            (place / "etc/passwd").write_text(
                f"root:x:0:0::/:/bin/sh\n{user.name}:x:{user.uid}:{user.gid}::{user.home}:/bin/sh\n"
            )
            subprocess.run(["mknod", "-m", "666", place / "dev/null", "c", "1", "3"], check=True)
            os.chown(home, user.uid, user.gid)
            with server(f"ChrootDirectory {place}", user) as sshd:
                yield sshd
    finally:
        shutil.rmtree(place)


@pytest.fixture
def bare(bare_of_module: Sshd) -> Iterator[Sshd]:
    with bare_of_module.as_client():
        yield bare_of_module


def test_commands_run_and_the_first_result_says_what_is_not_promised(
    tmp_path: Path, bare: Sshd
) -> None:
    async def run() -> None:
        async with far(tmp_path, bare.host()) as (way, here):
            text = "echo out; echo err >&2; cat; pwd; exit 3"
            end = await way.exec(shell(text, stdin=b"in\n", env={"A": "b'c"}))
            assert (end.exit_code, end.stderr) == (3, "err\n")
            assert end.stdout == f"out\nin\n{bare.user.home}\n"
            assert any("no python3 there" in warning for warning in end.warnings)
            assert here.copied(f"{RUN}/s/far/1").decode() == end.stdout
            second = await way.exec(shell('echo "$A"', "s2", env={"A": "b'c"}))
            assert (second.stdout, second.warnings) == ("b'c\n", ())
            assert len(bare.sessions()) == 1

    asyncio.run(run())


def test_much_output_and_input(tmp_path: Path, bare: Sshd) -> None:
    data = os.urandom(1 << 20) * 5

    async def run() -> None:
        async with far(tmp_path, bare.host()) as (way, _):
            end = await way.exec(
                shell("sha256sum; head -c 5000000 /bin/busybox | wc -c", stdin=data)
            )
            import hashlib

            assert end.stdout.split()[0] == hashlib.sha256(data).hexdigest()

    asyncio.run(run())


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_the_end_by_order(tmp_path: Path, bare: Sshd, how: str) -> None:
    async def run() -> None:
        async with far(tmp_path, bare.host()) as (way, here):
            work = shell(
                "sleep 1000 & echo up; wait", grace=1, timeout=1 if how == "timeout" else None
            )
            task = asyncio.create_task(way.exec(work))
            await until(lambda: here.copied(work.attempt) == b"up\n", "it runs")
            sleeping = [pid for pid in bare.user.processes() if alive(pid)]
            assert sleeping
            if how == "cancel":
                task.cancel()
            end = await task
            assert end.ended_by == how
        await until(lambda: bare.user.processes() == [], "nothing of hers is left")

    asyncio.run(run())


def test_a_broken_connection_is_a_lost_host(tmp_path: Path, bare: Sshd) -> None:
    """Nobody there could tell how it ended: it is not started again."""

    async def run() -> None:
        async with far(tmp_path, bare.host()) as (way, here):
            work = shell("echo up; sleep 1")
            task = asyncio.create_task(way.exec(work))
            await until(lambda: here.copied(work.attempt) == b"up\n", "it runs")
            bare.drop()
            with pytest.raises(HostLost):
                await task
            await way.connect()
            with pytest.raises(RunyardError) as again:
                await way.exec(work)
            assert again.value.code == "INTERRUPTED"
            assert (await way.exec(shell("echo on", "s2"))).stdout == "on\n"

    asyncio.run(run())


def test_files_and_facts(tmp_path: Path, bare: Sshd) -> None:
    data = os.urandom(100_000)

    async def run() -> None:
        async with far(tmp_path, bare.host()) as (way, _):
            assert (await way.put(data, "/tmp/file", mode=0o640)).changed
            assert not (await way.put(data, "/tmp/file", mode=0o640)).changed
            stat = await way.stat("/tmp/file", digest=True)
            assert stat is not None
            assert (stat.size, stat.mode, stat.owner) == (len(data), 0o640, bare.user.name)
            assert b"".join([part async for part in way.get("/tmp/file")]) == data
            assert (await way.probe())["user"] == bare.user.name

    asyncio.run(run())


def test_ten_at_once(tmp_path: Path, bare: Sshd) -> None:
    """sshd allows ten channels; more attempts than that wait for their turn."""

    async def run() -> None:
        async with far(tmp_path, bare.host()) as (way, _):
            works = [shell(f"echo {n}; sleep 0.1", f"s{n}") for n in range(25)]
            ends = await asyncio.gather(*(way.exec(work) for work in works))
            assert [end.stdout for end in ends] == [f"{n}\n" for n in range(25)]

    asyncio.run(run())
