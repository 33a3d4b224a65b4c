"""Work on a host by SSH: output, input, ends, cuts, and what is left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.hosts import boot
from runyard.model.errors import FencedError, HostLost
from runyard.model.execution import Exec
from tests.integration.relays import root_of
from tests.integration.sshd import Sshd
from tests.integration.sshhosts import RUN, Dispatcher, far, link_of, remote_of, shell
from tests.integration.users import needed_root, words_of
from tests.integration.yards import alive, pid_in, until

TREE = (
    "setsid sh -c 'echo $$ >%s/session; exec sleep 1000' & "
    "(setsid sh -c 'sh -c \"echo \\$\\$ >%s/orphan; exec sleep 1000\" & exit' &) ; "
    "echo up; sleep 1000"
)

WAITS = "echo start >>%s/starts; echo one; while ! [ -e %s/go ]; do sleep 0.05; done; echo two"


@pytest.fixture
def place(sshd: Sshd) -> Iterator[Path]:
    """A directory of the user at the far side."""
    folder = sshd.user.home / "place"
    folder.mkdir()
    os.chown(folder, sshd.user.uid, sshd.user.gid)
    yield folder
    shutil.rmtree(folder)


def test_output_is_live_and_complete_and_told_apart(tmp_path: Path, sshd: Sshd) -> None:
    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, here):
            text = "echo one; while read l; do echo got $l >&2; done; sleep 0.2; echo two; exit 3"
            work = shell(text, stdin=b"a\nb\n")
            task = asyncio.create_task(way.exec(work))
            await until(lambda: here.copied(work.attempt) == b"one\n", "the first line is here")
            assert not task.done()
            end = await task
            assert (end.exit_code, end.stdout) == (3, "one\ntwo\n")
            assert end.stderr == "got a\ngot b\n"
            assert here.copied(work.attempt) == b"one\ntwo\n"

    asyncio.run(run())


def test_much_goes_both_ways(tmp_path: Path, sshd: Sshd) -> None:
    """More than any window or buffer holds; every byte is there, and told from its neighbour."""
    data = bytes(range(256)) * 40_000  # 10 MB

    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, here):
            work = shell("cat; head -c 30000000 /dev/zero | tr '\\0' x", stdin=data)
            end = await way.exec(work)
            assert (end.ok, end.stdout_bytes) == (True, len(data) + 30_000_000)
            from runyard.store.spool import spool_path
            from runyard.supervisor.spool import read_records

            fd = os.open(spool_path(here.site.output, work.attempt), os.O_RDONLY)
            position, whole = 0, bytearray()
            while True:
                records, position = read_records(fd, position, 1 << 20)
                if not records:
                    break
                for _, _, _, payload in records:
                    whole += payload
            os.close(fd)
            assert bytes(whole[: len(data)]) == data
            assert whole[len(data) :] == b"x" * 30_000_000

    asyncio.run(run())


def test_fifty_steps_share_one_channel_of_one_connection(tmp_path: Path, sshd: Sshd) -> None:
    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, _):
            works = [shell(f"echo {n}", f"s{n}") for n in range(50)]
            ends = await asyncio.gather(*(way.exec(work) for work in works))
            assert [end.stdout for end in ends] == [f"{n}\n" for n in range(50)]
            assert len(sshd.sessions()) == 1
            assert len(relays(sshd)) == 1

    before = sshd.log().count("Starting session")
    asyncio.run(run())
    assert sshd.log().count("Starting session") == before + 1


def test_users_of_a_host_share_its_connection(tmp_path: Path, sshd: Sshd) -> None:
    async def run() -> None:
        dispatcher = Dispatcher(tmp_path)
        name = sshd.user.name
        ways = [dispatcher.open(sshd.host(), user) for user in ("", name)]
        for way in ways:
            await way.connect()
        ends = [await way.exec(shell("id -un", f"s{n}")) for n, way in enumerate(ways)]
        assert [end.stdout for end in ends] == [f"{name}\n"] * 2
        assert len(sshd.sessions()) == 1
        await ways[0].close()
        assert (await ways[1].exec(shell("echo still", "s3"))).stdout == "still\n"
        await ways[1].close(done=True)

    asyncio.run(run())


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_the_end_by_order_leaves_nothing(tmp_path: Path, sshd: Sshd, place: Path, how: str) -> None:
    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, _):
            work = shell(TREE % (place, place), timeout=1.0 if how == "timeout" else None, grace=1)
            task = asyncio.create_task(way.exec(work))
            pids = [await pid_in(place / "session"), await pid_in(place / "orphan")]
            if how == "cancel":
                task.cancel()
            end = await task
            assert (end.ended_by, end.survivors) == (how, 0)
            assert not [pid for pid in pids if alive(pid)]

    asyncio.run(run())


def test_broken_connections_lose_nothing_and_repeat_nothing(
    tmp_path: Path, sshd: Sshd, place: Path
) -> None:
    text = (
        f"echo start >>{place}/starts; i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; "
        "[ $((i % 15)) = 0 ] && sleep 0.1; done"
    )

    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, here):
            before = sshd.logins()
            task = asyncio.create_task(way.exec(shell(text)))
            for _ in range(4):
                await asyncio.sleep(0.3)
                sshd.drop()
            assert (await task).ok
            assert sshd.logins() > before + 2
            lines = here.copied(f"{RUN}/s/far/1").decode().splitlines()
            assert lines == [f"line {n}" for n in range(1, 301)]

    asyncio.run(run())
    assert (place / "starts").read_text() == "start\n"


def test_a_server_that_is_restarted(tmp_path: Path, sshd: Sshd, place: Path) -> None:
    text = WAITS % (place, place)

    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, here):
            task = asyncio.create_task(way.exec(shell(text)))
            await until(lambda: here.copied(f"{RUN}/s/far/1") == b"one\n", "the first line")
            sshd.stop()
            (place / "go").touch()
            await asyncio.sleep(0.5)
            assert not task.done()
            sshd.start()
            end = await task
            assert (end.ok, end.stdout) == (True, "one\ntwo\n")

    asyncio.run(run())
    assert (place / "starts").read_text() == "start\n"


def test_cancel_while_the_server_is_away(tmp_path: Path, sshd: Sshd, place: Path) -> None:
    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, _):
            task = asyncio.create_task(way.exec(shell(TREE % (place, place), grace=1)))
            pids = [await pid_in(place / "session"), await pid_in(place / "orphan")]
            sshd.stop()
            task.cancel()
            await asyncio.sleep(0.3)
            sshd.start()
            end = await task
            assert (end.ended_by, end.survivors) == ("cancel", 0)
            assert not [pid for pid in pids if alive(pid)]

    asyncio.run(run())


def test_a_second_dispatcher_takes_over(tmp_path: Path, sshd: Sshd, place: Path) -> None:
    text = WAITS % (place, place)

    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (first, here):
            task = asyncio.create_task(first.exec(shell(text)))
            await until(lambda: here.copied(f"{RUN}/s/far/1") == b"one\n", "the first line")
            async with far(tmp_path, sshd.host(), epoch=2) as (second, _):
                assert await second.recall(f"{RUN}/s/far/1")
                (place / "go").touch()
                end = await second.exec(shell("echo never"))
                assert (end.ok, end.stdout) == (True, "one\ntwo\n")
                with pytest.raises(FencedError):
                    await first.exec(shell("true", "another"))
            await asyncio.wait([task])

    asyncio.run(run())
    assert (place / "starts").read_text() == "start\n"


def test_a_frozen_connection_is_found_out(
    tmp_path: Path, sshd: Sshd, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's side stands still: no end of file, no answer."""
    monkeypatch.setattr("runyard.hosts.remote.BEAT", 0.3)

    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, _):
            task = asyncio.create_task(
                way.exec(shell(f"while ! [ -e {place}/go ]; do sleep 0.05; done; echo done"))
            )
            await asyncio.sleep(0.3)
            first = remote_of(way).client
            assert first is not None
            with sshd.frozen():
                await until(lambda: not first.connected, "the silence was noticed")
                (place / "go").touch()
                assert (await task).stdout == "done\n"

    monkeypatch.setattr("runyard.hosts.ssh.link.DOUBTED", 0.5)
    asyncio.run(run())


def test_a_host_that_lets_us_in_no_more_is_lost(tmp_path: Path, sshd: Sshd, place: Path) -> None:
    """What runs there is not known to have ended: nobody may start it anew."""
    allowed = sshd.folder / f"authorized_keys-{sshd.user.name}"

    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, _):
            work = shell(WAITS % (place, place))
            task = asyncio.create_task(way.exec(work))
            await until((place / "starts").exists, "it runs")
            allowed.rename(f"{allowed}-away")
            try:
                sshd.drop()
                with pytest.raises(HostLost, match="does not let us in"):
                    await task
            finally:
                Path(f"{allowed}-away").rename(allowed)
            (place / "go").touch()
            await way.connect()
            assert (await way.exec(work)).stdout == "one\ntwo\n"

    asyncio.run(run())
    assert (place / "starts").read_text() == "start\n"


def test_a_lease_ends_what_nobody_asks_for(tmp_path: Path, sshd: Sshd, place: Path) -> None:
    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, _):
            work = shell(f"echo $$ >{place}/pid; exec sleep 1000", lease=0.5)
            task = asyncio.create_task(way.exec(work))
            pid = await pid_in(place / "pid")
            sshd.stop()
            await until(lambda: not alive(pid), "the lease ended it")
            sshd.start()
            end = await task
            assert (end.ok, end.survivors) == (False, 0)

    asyncio.run(run())


def test_a_relay_that_hears_nothing_leaves_and_leases_begin(
    tmp_path: Path, sshd: Sshd, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cut cable looks like that to the far side: neither bytes nor an end."""
    monkeypatch.setattr(boot, "IDLE", 0.5)

    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, _):
            work = shell(f"echo $$ >{place}/pid; exec sleep 1000", lease=0.2)
            task = asyncio.create_task(way.exec(work))
            pid = await pid_in(place / "pid")
            with sshd.frozen():
                await until(lambda: not alive(pid), "the lease ended it")
                assert not task.done()
            end = await task
            assert (end.ok, end.survivors, "nobody" in end.error) == (False, 0, True)

    asyncio.run(run())


def test_the_program_travels_once_and_a_damaged_one_again(tmp_path: Path, sshd: Sshd) -> None:
    needed_root()
    cache = sshd.user.home / ".cache" / "runyard"
    shutil.rmtree(cache, ignore_errors=True)

    async def sent() -> int:
        async with far(tmp_path, sshd.host()) as (way, _):
            assert (await way.exec(shell("true", "s"))).ok
            connection = await link_of(way).connection()
            return int(connection._rekey_bytes_sent)

    first = asyncio.run(sent())
    second = asyncio.run(sent())
    size = len(boot.archive())
    assert first > size > second
    (program,) = cache.glob("supervisor-*")
    assert program.stat().st_mode & 0o077 == 0
    (program / "relay.py").write_text("this is no Python")
    assert asyncio.run(sent()) > size
    assert asyncio.run(sent()) < size


def test_files_go_both_ways(tmp_path: Path, sshd: Sshd, place: Path) -> None:
    data = os.urandom(3 << 20)

    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, _):
            dest = str(place / "file")
            assert (await way.put(data, dest, mode=0o640)).changed
            assert not (await way.put(data, dest, mode=0o640)).changed
            stat = await way.stat(dest, digest=True)
            assert stat is not None
            assert (stat.size, stat.mode, stat.owner) == (len(data), 0o640, sshd.user.name)
            assert b"".join([part async for part in way.get(dest)]) == data
            assert await way.stat(str(place / "none")) is None
            facts = await way.probe()
            assert (facts["os"], facts["user"]) == ("linux", sshd.user.name)
            home = await way.put(b"x", "~/at-home")
            assert home.changed
            assert (sshd.user.home / "at-home").read_bytes() == b"x"

    asyncio.run(run())
    assert [path.name for path in place.iterdir()] == ["file"]


def test_nothing_of_a_run_stays_at_the_far_side(tmp_path: Path, sshd: Sshd) -> None:
    needed_root()

    async def run() -> None:
        async with far(tmp_path, sshd.host()) as (way, _):
            assert (await way.exec(Exec(f"{RUN}/s/far/1", ("true",)))).ok

    asyncio.run(run())
    assert list((root_of(sshd.user.home) / "runs").glob("*")) == []
    asyncio.run(until(lambda: sshd.user.processes() == [], "relay and supervisor have gone"))


def relays(sshd: Sshd) -> list[int]:
    """What runs in the channels of the user; the supervisor listens to nobody's stdin."""
    return [
        pid
        for pid in sshd.user.processes()
        if "relay" in words_of(pid)
        and "python" in words_of(pid)[0]
        and os.readlink(f"/proc/{pid}/fd/0") != os.devnull
    ]
