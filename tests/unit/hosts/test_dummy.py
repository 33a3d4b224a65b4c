"""The scripted host keeps the contract of a Connector."""

from __future__ import annotations

import asyncio

import pytest

from runyard.hosts.dummy import Answer, DummyConnector, exits
from runyard.model.connector import Connector
from runyard.model.errors import NetworkError, NotFoundError
from runyard.model.execution import Exec


def work(attempt: str = "r/s/h/1", *argv: str, **more: float) -> Exec:
    return Exec(attempt, argv or ("true",), **more)  # type: ignore[arg-type]


def test_it_is_a_connector() -> None:
    connector: Connector = DummyConnector()
    assert asyncio.run(connector.exec(work())).ok


def test_scripts_by_attempt_and_by_command_line() -> None:
    async def run() -> None:
        host = DummyConnector()
        host.script("echo *", exits(0, "hi\n"))
        host.script("r/flaky/*", exits(1, stderr="no"), exits(0))
        assert (await host.exec(work("r/a/h/1", "echo", "hi"))).stdout_bytes == 3
        assert (await host.exec(work("r/flaky/h/1"))).exit_code == 1
        assert (await host.exec(work("r/flaky/h/2"))).exit_code == 0
        assert (await host.exec(work("r/flaky/h/3"))).exit_code == 0
        assert (await host.exec(work("r/flaky/h/1"))).exit_code == 1  # attached, not started
        assert host.starts("r/flaky/*") == 3

    asyncio.run(run())


def test_the_same_attempt_at_once_starts_once() -> None:
    async def run() -> None:
        host = DummyConnector()
        host.script("*", Answer(exits(4), delay=0.01))
        ends = await asyncio.gather(*(host.exec(work()) for _ in range(5)))
        assert [end.exit_code for end in ends] == [4] * 5
        assert (host.starts(), len(host.asked)) == (1, 5)
        assert await host.recall("r/s/h/1") and not await host.recall("r/s/h/2")

    asyncio.run(run())


def test_drops_leave_the_work_running() -> None:
    async def run() -> None:
        host = DummyConnector()
        host.script("*", Answer(exits(0, "done"), drops=2))
        for _ in range(2):
            with pytest.raises(NetworkError):
                await host.exec(work())
        assert (await host.exec(work())).stdout == "done"
        assert host.starts() == 1

    asyncio.run(run())


def test_unreachable_starts_nothing() -> None:
    async def run() -> None:
        host = DummyConnector(unreachable=1)
        with pytest.raises(NetworkError):
            await host.connect()
        await host.connect()
        host.script("*", Answer(unreachable=1))
        with pytest.raises(NetworkError):
            await host.exec(work())
        assert host.starts() == 0
        assert (await host.exec(work())).ok

    asyncio.run(run())


def test_cancellation_returns_the_true_exit() -> None:
    async def run() -> None:
        host = DummyConnector()
        host.script("r/kind/*", Answer(delay=float("inf")))
        host.script("r/stubborn/*", Answer(delay=float("inf"), stubborn=True))
        kind = asyncio.create_task(host.exec(work("r/kind/h/1")))
        stubborn = asyncio.create_task(host.exec(work("r/stubborn/h/1", grace=1000.0)))
        await asyncio.sleep(0)
        kind.cancel()
        assert (await kind).signal == 15
        stubborn.cancel()
        await asyncio.sleep(0.01)
        assert not stubborn.done()
        stubborn.cancel()
        end = await stubborn
        assert (end.ended_by, end.signal) == ("cancel", 9)

    asyncio.run(run())


def test_timeout_and_made_exits() -> None:
    async def run() -> None:
        host = DummyConnector()
        host.script("slow", Answer(delay=1000))
        host.script("*", Answer(lambda asked: exits(0, asked.env["X"])))
        assert (await host.exec(work("r/t/h/1", "slow", timeout=0.01))).ended_by == "timeout"
        end = await host.exec(Exec("r/e/h/1", ("cat",), env={"X": "value"}))
        assert end.stdout == "value" and end.ended_at >= end.started_at > 0

    asyncio.run(run())


def test_files() -> None:
    async def run() -> None:
        host = DummyConnector()
        assert (await host.put(b"x", "/a", mode=0o600)).changed
        assert not (await host.put(b"x", "/a")).changed
        assert (await host.put(b"x", "/a", owner="root")).changed
        found = await host.stat("/a", digest=True)
        assert found is not None and (found.mode, found.owner) == (0o600, "root")
        assert found.sha256 == (await host.put(b"x", "/a")).sha256
        assert [part async for part in host.get("/a")] == [b"x"]
        assert await host.stat("/b") is None
        with pytest.raises(NotFoundError):
            _ = [part async for part in host.get("/b")]
        assert (await host.probe())["os"] == "dummy"

    asyncio.run(run())
