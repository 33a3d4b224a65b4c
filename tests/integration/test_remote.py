"""A host at the other end of a relay: output, cuts, deaths, and what is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from runyard.hosts.remote import RemoteConnector
from runyard.model.errors import FencedError, HostLost, NetworkError
from runyard.model.execution import Exec
from runyard.store.spool import spool_path
from runyard.supervisor.lost import captured
from tests.integration.relays import RUN, remote, root_of
from tests.integration.yards import alive, pid_in, until


def work(text: str, step: str = "s", n: int = 1, **more: object) -> Exec:
    return Exec(f"{RUN}/{step}/far/{n}", ("sh", "-c", text), **more)  # type: ignore[arg-type]


def copied(tmp_path: Path, step: str = "s", n: int = 1) -> bytes:
    """Stdout as it was copied here."""
    path = spool_path(tmp_path / "here" / "output", f"{RUN}/{step}/far/{n}")
    return captured(str(path), 1 << 26)[0].text().encode()


def test_a_command_runs_there_and_its_output_comes_here(tmp_path: Path) -> None:
    async def run() -> None:
        host, _ = remote(tmp_path)
        await host.connect()
        end = await host.exec(work("echo out; echo err >&2; pwd; exit 3"))
        assert (end.exit_code, end.stdout, end.stderr) == (3, f"out\n{tmp_path}/far\n", "err\n")
        assert copied(tmp_path) == f"out\n{tmp_path}/far\n".encode()
        await host.close(done=True)

    asyncio.run(run())
    left = list((root_of(tmp_path / "far") / "runs").glob("*"))
    assert left == []  # the far side has forgotten the run


def test_a_cut_link_loses_no_line_and_starts_nothing_twice(tmp_path: Path) -> None:
    text = (
        f"echo start >>{tmp_path}/starts; i=0;"
        " while [ $i -lt 400 ]; do i=$((i+1)); echo line $i;"
        " [ $((i % 20)) = 0 ] && sleep 0.05; done"
    )

    async def run() -> None:
        host, dialer = remote(tmp_path)
        await host.connect()
        task = asyncio.create_task(host.exec(work(text)))
        for _ in range(5):
            await asyncio.sleep(0.15)
            dialer.cut()
        end = await task
        assert end.ok
        assert dialer.dials > 2
        await host.close()

    asyncio.run(run())
    assert (tmp_path / "starts").read_text() == "start\n"
    assert copied(tmp_path).decode().splitlines() == [f"line {i}" for i in range(1, 401)]


def test_another_dispatcher_takes_up_what_runs(tmp_path: Path) -> None:
    """The first one is gone without a word, as by kill -9; the second has a higher epoch."""
    text = (
        f"echo start >>{tmp_path}/starts; echo one;"
        f" while ! [ -e {tmp_path}/go ]; do sleep 0.05; done; echo two"
    )

    async def run() -> None:
        first, _ = remote(tmp_path)
        await first.connect()
        task = asyncio.create_task(first.exec(work(text)))
        await until(lambda: copied(tmp_path) == b"one\n", "the first line is here")
        second, _ = remote(tmp_path, epoch=2)
        await second.connect()
        assert await second.recall(f"{RUN}/s/far/1")
        with pytest.raises(FencedError):
            await task
        (tmp_path / "go").touch()
        end = await second.exec(work("echo never"))
        assert (end.ok, end.stdout) == (True, "one\ntwo\n")
        assert copied(tmp_path) == b"one\ntwo\n"
        await first.close()
        await second.close(done=True)

    asyncio.run(run())
    assert (tmp_path / "starts").read_text() == "start\n"


def test_an_old_dispatcher_starts_nothing_when_the_new_one_is_done(tmp_path: Path) -> None:
    """As after a sleep of its machine: meanwhile another one has finished the run."""
    text = f"echo start >>{tmp_path}/starts; while ! [ -e {tmp_path}/go ]; do sleep 0.05; done"

    async def run() -> None:
        old, dialer = remote(tmp_path)
        await old.connect()
        task = asyncio.create_task(old.exec(work(text)))
        await until((tmp_path / "starts").exists, "it has started")
        dialer.absent = True
        dialer.cut()
        new, _ = remote(tmp_path, epoch=2)
        await new.connect()
        (tmp_path / "go").touch()
        assert (await new.exec(work(text))).ok
        await new.close(done=True)
        dialer.absent = False
        with pytest.raises(FencedError):
            await task
        await old.close()
        again, _ = remote(tmp_path, epoch=3)
        await again.connect()
        await again.close(done=True)

    asyncio.run(run())
    assert (tmp_path / "starts").read_text() == "start\n"


def test_a_killed_supervisor_is_a_lost_attempt_and_nothing_survives(tmp_path: Path) -> None:
    async def run() -> None:
        host, _ = remote(tmp_path)
        await host.connect()
        text = f"setsid sh -c 'echo $$ >{tmp_path}/pid; exec sleep 1000'"
        task = asyncio.create_task(host.exec(work(text)))
        pid = await pid_in(tmp_path / "pid")
        assert host.client is not None
        os.kill(host.client.pid, signal.SIGKILL)
        end = await task
        assert (end.ended_by, end.survivors) == ("lost", 0)
        assert not alive(pid)
        await host.close()

    asyncio.run(run())


def test_cancel_leaves_nothing_also_when_the_link_is_cut_at_that_moment(tmp_path: Path) -> None:
    async def run() -> None:
        host, dialer = remote(tmp_path)
        await host.connect()
        text = f"setsid sh -c 'echo $$ >{tmp_path}/pid; exec sleep 1000' & wait"
        task = asyncio.create_task(host.exec(work(text, grace=1.0)))
        pid = await pid_in(tmp_path / "pid")
        dialer.cut()
        task.cancel()
        end = await task
        assert (end.ended_by, end.survivors) == ("cancel", 0)
        assert not alive(pid)
        await host.close()

    asyncio.run(run())


def test_a_host_that_stays_away_is_lost_and_its_lease_ends_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runyard.hosts.remote.PATIENCE", 0.3)

    async def run() -> None:
        host, dialer = remote(tmp_path)
        await host.connect()
        text = f"echo $$ >{tmp_path}/pid; exec sleep 1000"
        task = asyncio.create_task(host.exec(work(text, lease=0.5)))
        pid = await pid_in(tmp_path / "pid")
        dialer.absent = True
        dialer.cut()
        with pytest.raises(HostLost) as lost:
            await task
        assert "may go on" in lost.value.message
        await until(lambda: not alive(pid), "the lease ended it")
        await host.close()

    asyncio.run(run())


def test_a_host_that_was_there_is_looked_for_before_anything_is_asked_of_it(
    tmp_path: Path,
) -> None:
    """The link breaks between two steps, and is away for a moment when the next one begins."""

    async def run() -> None:
        host, dialer = remote(tmp_path)
        await host.connect()
        for act in (
            lambda: host.exec(work("echo here")),
            lambda: host.stat("/"),
            lambda: host.put(b"data", str(tmp_path / "file")),
        ):
            dialer.absent = True
            dialer.cut()
            assert host.client is not None
            await until(lambda: not host.client.connected, "the cut is noticed")
            asyncio.get_running_loop().call_later(0.3, setattr, dialer, "absent", False)
            await act()
        await host.close()

    asyncio.run(run())
    assert copied(tmp_path) == b"here\n"


def test_what_is_not_there_is_a_network_error(tmp_path: Path) -> None:
    async def run() -> None:
        host, dialer = remote(tmp_path)
        dialer.absent = True
        with pytest.raises(NetworkError):
            await host.connect()
        await host.close()

    asyncio.run(run())


def test_files_and_facts(tmp_path: Path) -> None:
    async def use(host: RemoteConnector) -> None:
        await host.connect()
        dest = str(tmp_path / "file")
        assert (await host.put(b"x" * 10, dest, mode=0o600)).changed
        assert not (await host.put(b"x" * 10, dest, mode=0o600)).changed
        stat = await host.stat(dest, digest=True)
        assert stat is not None and (stat.size, stat.mode) == (10, 0o600)
        assert await host.stat(dest + "-none") is None
        assert (await host.probe())["os"] == "linux"
        await host.close()

    asyncio.run(use(remote(tmp_path)[0]))
