"""What an agent does itself, and who is let in by certificates."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runyard.hosts import order, remote
from runyard.hosts.agent import wire
from runyard.hosts.agent.connector import AgentConnector, Agents
from runyard.hosts.inventory import Host
from runyard.hosts.site import Access, AgentAccess, Site
from runyard.model.action import Work
from runyard.model.errors import ArgumentError, HostLost, NetworkError, UsageError
from runyard.model.execution import Exec
from runyard.model.status import Status
from runyard.runners.actions.http import HttpRequest
from runyard.runners.actions.wait import WaitUntil
from runyard.runners.params import resolve_args
from tests.integration.agent_process import Agent, agent
from tests.integration.certificates import Authority
from tests.integration.proxy import Proxy
from tests.integration.yards import until

RUN = f"run-perform-{os.getpid()}"
NEVER = {"tcp": "127.0.0.1:1", "timeout": "300s", "interval": "50ms"}


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Agent]:
    with agent(tmp_path / "agent") as running:
        yield running


def far(tmp_path: Path, port: int) -> AgentConnector:
    return Agents(Site(tmp_path / "here", RUN)).open(Host("far", f"http://127.0.0.1:{port}"))


def job(way: AgentConnector, action: Any, args: dict[str, Any], **more: Any) -> Work:
    given = resolve_args(action.params, args)
    return Work(f"{RUN}/s/far/1", "far", way, given, **more)


def test_a_request_is_sent_from_there(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        way = far(tmp_path, one.port)
        await way.connect()
        asked = {"url": f"http://127.0.0.1:{one.port}/health"}
        done = await HttpRequest().run(job(way, HttpRequest(), asked))
        assert (done.status, done.data["status"]) == (Status.SUCCESS, 200)
        assert '"ok"' in done.stdout and done.changed is False
        # Once more is the same task: nothing is sent a second time, and the answer is the same.
        again = await HttpRequest().run(job(way, HttpRequest(), asked))
        assert again.stdout == done.stdout
        await way.close()

    asyncio.run(run())
    assert one.outcome(f"{RUN}/s/far/1")["status"] == "success"


def test_what_is_wrong_is_told_as_it_would_be_here(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        way = far(tmp_path, one.port)
        await way.connect()
        asked = {"url": f"http://127.0.0.1:{one.port}/nowhere"}
        done = await HttpRequest().run(job(way, HttpRequest(), asked))
        assert done.status is Status.FAILED and done.error is not None
        assert done.error["code"] == "HTTP_STATUS" and "401" in done.message
        with pytest.raises(ArgumentError, match="is not HOST:PORT"):
            await WaitUntil().run(job(way, WaitUntil(), {"tcp": "nonsense"}))
        await way.close()

    asyncio.run(run())


def test_secrets_do_not_stay_there_in_clear(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        way = far(tmp_path, one.port)
        await way.connect()
        url = f"http://127.0.0.1:{one.port}/none-of-hidden-words"
        secrets = {"S": "hidden-words"}
        done = await HttpRequest().run(job(way, HttpRequest(), {"url": url}, secrets=secrets))
        assert "hidden-words" not in str(done)
        await way.close()

    asyncio.run(run())
    kept = b"".join(p.read_bytes() for p in (tmp_path / "agent").rglob("*") if p.is_file())
    assert b"hidden-words" not in kept


def test_a_cancel_reaches_what_an_agent_does_itself(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        way = far(tmp_path, one.port)
        await way.connect()
        task = asyncio.create_task(WaitUntil().run(job(way, WaitUntil(), NEVER)))
        await until(lambda: one.ask("GET", "/heartbeat")[0] == 405, "it answers")
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await way.close()

    asyncio.run(run())
    assert one.outcome(f"{RUN}/s/far/1")["status"] == "canceled"


@asynccontextmanager
async def late(target: int, passing: asyncio.Event) -> AsyncIterator[int]:
    """A way to the agent on which an order to begin waits for `passing`; its port."""
    serving: list[asyncio.Task[None]] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if data.startswith(b"POST /run"):
                    await passing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def test_a_cancel_that_overtakes_the_order_to_begin_is_not_lost(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        passing = asyncio.Event()
        async with late(one.port, passing) as port:
            way = far(tmp_path, port)
            await way.connect()
            task = asyncio.create_task(WaitUntil().run(job(way, WaitUntil(), NEVER)))
            await asyncio.sleep(0.2)
            task.cancel()
            await asyncio.sleep(0.2)
            passing.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            await way.close()

    asyncio.run(run())
    assert one.outcome(f"{RUN}/s/far/1")["status"] == "canceled"


def test_a_cancel_of_what_the_agent_has_not_heard_of_claims_no_end(
    one: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "SLACK", 0.2)

    async def run() -> None:
        async with late(one.port, asyncio.Event()) as port:
            way = far(tmp_path, port)
            await way.connect()
            task = asyncio.create_task(WaitUntil().run(job(way, WaitUntil(), NEVER, grace=0.2)))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(HostLost, match="not be delivered: the agent of far knows no such"):
                await task
            await way.close()

    asyncio.run(run())


def test_an_end_that_is_not_seen_is_not_claimed(
    one: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent has taken the order, and the link is cut before the end is told."""
    monkeypatch.setattr(order, "SLACK", 0.2)

    async def run() -> None:
        async with Proxy(one.port) as proxy:
            way = far(tmp_path, proxy.port)
            await way.connect()
            task = asyncio.create_task(WaitUntil().run(job(way, WaitUntil(), NEVER, grace=0.2)))
            await asyncio.sleep(0.3)
            monkeypatch.setattr(wire, "status", _never)
            monkeypatch.setattr(wire, "run", _never)
            proxy.cut()
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(HostLost, match="may go on: its agent was told to end it"):
                await task
            await way.close()

    asyncio.run(run())


async def _never(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


def test_a_cancel_that_cannot_be_delivered_says_so(
    one: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "SLACK", 0.2)

    async def run() -> None:
        async with Proxy(one.port) as proxy:
            way = far(tmp_path, proxy.port)
            await way.connect()
            task = asyncio.create_task(WaitUntil().run(job(way, WaitUntil(), NEVER, grace=0.5)))
            await asyncio.sleep(0.3)
            proxy.stall()
            task.cancel()
            with pytest.raises(HostLost, match="could not be delivered"):
                await task
            proxy.resume()
            await way.close()

    asyncio.run(run())


def test_it_goes_on_after_the_agent_was_killed(one: Agent, tmp_path: Path) -> None:
    async def run() -> None:
        way = far(tmp_path, one.port)
        await way.connect()
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        asked = {"tcp": f"127.0.0.1:{port}", "timeout": "60s", "interval": "50ms"}
        task = asyncio.create_task(WaitUntil().run(job(way, WaitUntil(), asked)))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(one.kill)
        await asyncio.to_thread(one.start)
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", port)
        done = await task
        assert done.status is Status.SUCCESS, done
        server.close()
        await way.close()

    asyncio.run(run())


def test_an_agent_that_stays_away_is_lost(
    one: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 0.3)

    async def run() -> None:
        way = far(tmp_path, one.port)
        await way.connect()
        task = asyncio.create_task(WaitUntil().run(job(way, WaitUntil(), NEVER)))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(one.kill)
        with pytest.raises(HostLost, match="may go on"):
            await task
        await way.close()

    asyncio.run(run())


def test_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server, ours = authority.sign("server"), authority.sign("ours")
    words = ("--tls-cert", server.cert, "--tls-key", server.key, "--client-ca", authority.file)

    async def reach(port: int, **said: Any) -> tuple[str, ...]:
        access = Access(agents={"far": AgentAccess(**said)})
        site = Site(tmp_path / "here", RUN, access=access)
        way = Agents(site).open(Host("far", f"https://127.0.0.1:{port}"))
        try:
            await way.connect()
            end = await way.exec(Exec(f"{RUN}/s/far/1", ("echo", "hello")))
            assert end.stdout == "hello\n"
            return end.warnings
        finally:
            await way.close()

    with agent(tmp_path / "agent", *map(str, words)) as one:
        pair = {"cert": str(ours.cert), "key": str(ours.key)}
        ca = {"ca": str(authority.file)}
        assert asyncio.run(reach(one.port, **ca, **pair)) == ()
        warned = asyncio.run(reach(one.port, verify=False, **pair))
        assert warned[0].startswith("agent_verify is false")
        with pytest.raises(NetworkError, match="is not trusted") as error:
            asyncio.run(reach(one.port, **pair))
        assert error.value.code == "TLS" and not error.value.retryable
        with pytest.raises(NetworkError) as error:
            asyncio.run(reach(one.port, **ca))
        assert "agent_cert" in error.value.hint
        with pytest.raises(UsageError, match="agent_ca: cannot use"):
            asyncio.run(reach(one.port, ca=str(tmp_path / "none"), **pair))
