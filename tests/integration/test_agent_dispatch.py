"""Work on real agents through their doors: links that break, agents that die, owners that race."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runyard.hosts import remote
from runyard.hosts.agent.connector import AgentConnector, Agents
from runyard.hosts.inventory import Host
from runyard.hosts.site import Access, Site
from runyard.model.errors import FencedError, HostLost, NetworkError, SystemFault
from runyard.model.execution import Exec
from runyard.store.spool import spool_path
from runyard.supervisor.lost import captured
from tests.integration.agent_process import Agent, agent
from tests.integration.proxy import Proxy
from tests.integration.users import User
from tests.integration.yards import alive, pid_in, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RUN = f"run-dispatch-{os.getpid()}"  # what other tests lose and sweep is not ours
LINES = "".join(f"line {n}\n" for n in range(1, 401))
COUNTING = (
    "echo start >>{0}/starts; i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i;"
    " [ $((i % 20)) = 0 ] && sleep 0.05; done; true"
)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Agent]:
    with agent(tmp_path / "agent") as running:
        yield running


def work(text: str, step: str = "s", n: int = 1, **more: object) -> Exec:
    return Exec(f"{RUN}/{step}/far/{n}", ("sh", "-c", text), **more)  # type: ignore[arg-type]


def copied(tmp_path: Path, step: str = "s", here: str = "here") -> str:
    """Stdout as it was copied here."""
    site = Site(tmp_path / here, RUN)
    path = spool_path(site.output, f"{RUN}/{step}/far/1")
    return captured(str(path), 1 << 26)[0].text()


def starts(tmp_path: Path) -> str:
    path = tmp_path / "starts"
    return path.read_text() if path.exists() else ""


@asynccontextmanager
async def reached(
    tmp_path: Path,
    port: int,
    *,
    epoch: int = 1,
    token: str = "",
    user: str = "",
    here: str = "here",
) -> AsyncIterator[AgentConnector]:
    site = Site(tmp_path / here, RUN, epoch, access=Access(token))
    way = Agents(site).open(Host("far", f"http://127.0.0.1:{port}"), user)
    try:
        await way.connect()
        yield way
    finally:
        await way.close()


def test_a_command_runs_there_and_its_output_comes_here(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        async with reached(tmp_path, one.port) as way:
            end = await way.exec(work("echo out; echo err >&2; exit 3"))
            assert (end.exit_code, end.stdout, end.stderr) == (3, "out\n", "err\n")
            assert end.warnings == ()
            assert await way.recall(f"{RUN}/s/far/1") and not await way.recall(f"{RUN}/s/far/2")

    asyncio.run(run())
    assert copied(tmp_path) == "out\n"


def test_files_and_facts(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        async with reached(tmp_path, one.port) as way:
            dest, data = str(tmp_path / "file"), bytes(range(256)) * 20_000
            assert (await way.put(data, dest, mode=0o600)).changed
            assert not (await way.put(data, dest, mode=0o600)).changed
            assert b"".join([part async for part in way.get(dest)]) == data
            stat = await way.stat(dest, digest=True)
            assert stat is not None and stat.size == len(data)
            assert (await way.probe())["os"] == "linux"
            end = await way.exec(work("wc -c", stdin=b"x" * (8 << 20)))
            assert end.stdout.strip() == str(8 << 20)
            with pytest.raises(SystemFault, match="no way to the socket"):
                await way.socket("/run/x.sock")

    asyncio.run(run())


def test_a_token_that_differs_is_said_in_these_words(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        with pytest.raises(SystemFault) as error:
            async with reached(tmp_path, one.port, token="another"):
                pass
        assert error.value.message == (
            "token mismatch on far: the agent and this run must use the same token"
        )
        assert not error.value.retryable and "another" not in str(error.value.to_dict())

    asyncio.run(run())


def test_nobody_there_and_somebody_else_there(tmp_path: Path) -> None:
    async def run() -> None:
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NetworkError):
            async with reached(tmp_path, port):
                pass
        server.close()
        await server.wait_closed()
        with pytest.raises(NetworkError) as error:
            async with reached(tmp_path, port):
                pass
        assert "--local" in error.value.hint and "runyard agent" in error.value.hint

        async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(hello, "127.0.0.1", 0)
        with pytest.raises(SystemFault, match="is no agent"):
            async with reached(tmp_path, server.sockets[0].getsockname()[1]):
                pass
        server.close()

    asyncio.run(run())


def test_a_link_that_is_cut_loses_no_line_and_starts_nothing_twice(
    one: Agent, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Proxy(one.port) as proxy, reached(tmp_path, proxy.port) as way:
            task = asyncio.create_task(way.exec(work(COUNTING.format(tmp_path))))
            for _ in range(5):
                await asyncio.sleep(0.15)
                proxy.cut()
            end = await task
            assert end.ok and end.stdout == LINES
            assert proxy.connections > 3

    asyncio.run(run())
    assert (starts(tmp_path), copied(tmp_path)) == ("start\n", LINES)


@pytest.mark.parametrize("fault", ["flapping", "loss", "delay", "truncate", "duplicate"])
def test_a_bad_network(one: Agent, tmp_path: Path, fault: str) -> None:
    async def run() -> None:
        async with Proxy(one.port) as proxy:
            proxy.loss = 0.3 if fault == "loss" else 0.0
            proxy.delay = 0.05 if fault == "delay" else 0.0
            if fault == "duplicate":
                proxy.duplicate(3)
            async with reached(tmp_path, proxy.port) as way:
                if fault == "truncate":
                    proxy.truncate(2000)
                    proxy.cut()
                if fault == "flapping":
                    async with proxy.flapping(0.3, 0.2):
                        end = await way.exec(work(COUNTING.format(tmp_path)))
                else:
                    end = await way.exec(work(COUNTING.format(tmp_path)))
            assert end.ok and end.stdout == LINES

    asyncio.run(run())
    assert (starts(tmp_path), copied(tmp_path)) == ("start\n", LINES)


def test_a_link_without_a_word_is_taken_for_cut(
    one: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "BEAT", 0.2)

    async def run() -> None:
        async with Proxy(one.port) as proxy, reached(tmp_path, proxy.port) as way:
            text = f"echo one; while ! [ -e {tmp_path}/go ]; do sleep 0.02; done; echo two"
            task = asyncio.create_task(way.exec(work(text)))
            await until(lambda: copied(tmp_path) == "one\n", "the first line is here")
            before = proxy.connections
            proxy.stall()
            (tmp_path / "go").touch()
            await asyncio.sleep(1.0)
            proxy.resume()
            assert (await task).stdout == "one\ntwo\n"
            assert proxy.connections > before

    asyncio.run(run())


def test_an_agent_that_is_killed_and_started_again_has_lost_nothing(
    one: Agent, tmp_path: Path
) -> None:
    async def run() -> None:
        async with reached(tmp_path, one.port) as way:
            task = asyncio.create_task(way.exec(work(COUNTING.format(tmp_path))))
            await until(lambda: starts(tmp_path) == "start\n", "it has started")
            await asyncio.to_thread(one.kill)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(one.start)
            end = await task
            assert end.ok and end.stdout == LINES

    asyncio.run(run())
    assert (starts(tmp_path), copied(tmp_path)) == ("start\n", LINES)


def test_an_agent_that_does_not_come_back_means_that_the_host_is_lost(
    one: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 0.3)

    async def run() -> None:
        async with reached(tmp_path, one.port) as way:
            task = asyncio.create_task(way.exec(work(f"echo $$ >{tmp_path}/pid; exec sleep 100")))
            await pid_in(tmp_path / "pid")
            await asyncio.to_thread(one.kill)
            with pytest.raises(HostLost, match="may go on"):
                await task

    asyncio.run(run())


def test_an_agent_that_comes_back_with_another_token_is_lost_and_nothing_starts_again(
    one: Agent, tmp_path: Path
) -> None:
    async def run() -> None:
        async with reached(tmp_path, one.port) as way:
            task = asyncio.create_task(way.exec(work(f"echo $$ >{tmp_path}/pid; exec sleep 100")))
            await pid_in(tmp_path / "pid")
            await asyncio.to_thread(one.kill)
            one.options = ("--token", "another-token")
            await asyncio.to_thread(one.start)
            with pytest.raises(HostLost, match="may go on: token mismatch on far"):
                await task

    asyncio.run(run())


def test_another_dispatcher_takes_over_and_the_old_one_is_refused(
    one: Agent, tmp_path: Path
) -> None:
    async def run() -> None:
        text = f"echo one; while ! [ -e {tmp_path}/go ]; do sleep 0.02; done; echo two"
        async with reached(tmp_path, one.port) as first:
            task = asyncio.create_task(first.exec(work(text)))
            await until(lambda: copied(tmp_path) == "one\n", "the first line is here")
            async with reached(tmp_path, one.port, epoch=2) as second:
                with pytest.raises(FencedError):
                    await task
                (tmp_path / "go").touch()
                assert (await second.exec(work("echo never"))).stdout == "one\ntwo\n"
            with pytest.raises(FencedError):
                async with reached(tmp_path, one.port, here="elsewhere"):
                    pass

    asyncio.run(run())
    assert copied(tmp_path) == "one\ntwo\n"


def test_two_dispatchers_that_race_start_one_process(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            reached(tmp_path, one.port, here="a") as first,
            reached(tmp_path, one.port, here="b") as second,
        ):
            text = f"echo start >>{tmp_path}/starts; echo done"
            for n in range(20):
                both = (way.exec(work(text, n=n + 1)) for way in (first, second))
                ends = await asyncio.gather(*both)
                assert [end.stdout for end in ends] == ["done\n", "done\n"]

    asyncio.run(run())
    assert starts(tmp_path) == "start\n" * 20


@pytest.mark.parametrize("by", ["timeout", "cancel", "cancel while the link is cut"])
def test_nothing_survives(one: Agent, tmp_path: Path, by: str) -> None:
    tree = (
        f"setsid sh -c 'echo $$ >{tmp_path}/pid1; exec sleep 1000' &"
        f" (setsid sh -c 'echo $$ >{tmp_path}/pid2; exec env -i sleep 1000' &); wait"
    )

    async def run() -> None:
        async with Proxy(one.port) as proxy, reached(tmp_path, proxy.port) as way:
            limit = 1.0 if by == "timeout" else None
            task = asyncio.create_task(way.exec(work(tree, grace=1.0, timeout=limit)))
            pids = [await pid_in(tmp_path / name) for name in ("pid1", "pid2")]
            if by != "timeout":
                if "cut" in by:
                    proxy.cut()
                task.cancel()
            end = await task
            assert (end.ended_by, end.survivors) == (by.split()[0], 0)
            assert not any(alive(pid) for pid in pids)

    asyncio.run(run())


def test_a_lease_ends_what_nobody_asks_for(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        text = f"echo $$ >{tmp_path}/pid; exec sleep 1000"
        async with reached(tmp_path, one.port) as way:
            task = asyncio.create_task(way.exec(work(text, lease=0.5)))
            pid = await pid_in(tmp_path / "pid")
        with pytest.raises(NetworkError):
            await task
        await until(lambda: not alive(pid), "the lease ended it")

    asyncio.run(run())


def test_a_slow_reader_gets_everything(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        async with Proxy(one.port) as proxy, reached(tmp_path, proxy.port) as way:
            proxy.bandwidth = 8_000_000
            end = await way.exec(work("yes 0123456789 | head -c 6000000"))
            assert end.stdout_bytes == 6_000_000

    asyncio.run(run())
    path = spool_path(Site(tmp_path / "here", RUN).output, f"{RUN}/s/far/1")
    assert path.stat().st_size > 6_000_000


def test_as_another_user(one: Agent, tmp_path: Path, other_user: User) -> None:
    async def run() -> None:
        async with reached(tmp_path, one.port, user=other_user.name) as way:
            assert (await way.exec(work("id -un"))).stdout == f"{other_user.name}\n"

    asyncio.run(run())


def test_as_a_user_that_there_is_not(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        with pytest.raises(SystemFault, match="become") as error:
            async with reached(tmp_path, one.port, user="no-such-user"):
                pass
        assert error.value.code == "BECOME"

    asyncio.run(run())
