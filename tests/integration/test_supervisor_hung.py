"""A supervisor that is stopped does not stop its owner."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runyard.hosts import hung, order
from runyard.hosts.local import LocalConnector
from runyard.model.errors import SystemFault
from runyard.model.execution import Exit
from runyard.supervisor.tree import look
from tests.integration.yards import alive, local, outcome, pid_in, shell, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "SLACK", 0.3)
    monkeypatch.setattr(order, "PING", 0.3)
    monkeypatch.setattr(hung, "HELLO", 0.5)


@asynccontextmanager
async def stopped(
    home: Path, **more: float
) -> AsyncIterator[tuple[LocalConnector, int, int, asyncio.Task[Exit]]]:
    """A supervisor stopped while an attempt runs: host, its pid, the work's, task."""
    async with local(home) as host:
        task = asyncio.create_task(host.exec(shell(f"echo $$ >{home}/pid; sleep 1000", **more)))
        pid = await pid_in(home / "pid")
        supervisor = host.supervisor_pid
        os.kill(supervisor, signal.SIGSTOP)
        try:
            yield host, supervisor, pid, task
        finally:
            if alive(supervisor):
                os.kill(supervisor, signal.SIGCONT)
                os.kill(supervisor, signal.SIGTERM)


@pytest.mark.parametrize("times", [1, 2])
def test_a_cancellation_ends_what_a_stopped_supervisor_holds(tmp_path: Path, times: int) -> None:
    async def run() -> None:
        grace = 0.1 if times == 1 else 1000.0
        async with stopped(tmp_path, grace=grace) as (host, supervisor, pid, task):
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0.01)
            end = await outcome(task)
            assert (end.ended_by, end.survivors) == ("lost", 0)
            assert f"pid {supervisor}) did not answer" in end.error
            assert not alive(pid) and not alive(supervisor)
            assert (await host.exec(shell("echo new", n=2))).stdout == "new\n"

    asyncio.run(run())


def test_a_timeout_ends_what_a_stopped_supervisor_holds(tmp_path: Path) -> None:
    async def run() -> None:
        async with stopped(tmp_path, grace=0.1, timeout=1.0) as (_, supervisor, pid, task):
            end = await outcome(task)
            assert end.ended_by == "lost" and "did not answer" in end.error
            assert not alive(pid) and not alive(supervisor)

    asyncio.run(run())


def test_who_answers_is_not_killed_however_long_the_end_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "SLACK", -1000.0)  # it is doubted all the time
    monkeypatch.setattr(order, "PING", 5.0)

    async def run() -> None:
        async with local(tmp_path) as host:
            text = f"trap '' TERM; echo $$ >{tmp_path}/pid; while :; do sleep 0.1; done"
            task = asyncio.create_task(host.exec(shell(text, grace=1.0)))
            await pid_in(tmp_path / "pid")
            task.cancel()
            end = await outcome(task)
            assert (end.ended_by, end.signal) == ("cancel", 9)
            assert alive(host.supervisor_pid)

    asyncio.run(run())


def test_whoever_comes_to_a_stopped_supervisor_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with stopped(tmp_path) as (host, supervisor, pid, task):
            with pytest.raises(SystemFault) as caught:
                await LocalConnector(tmp_path, "test", 2).connect()
            assert caught.value.code == "SUPERVISOR_HUNG"
            assert f"kill -9 {supervisor}" in caught.value.hint
            with pytest.raises(SystemFault):
                await host.recall("x")
            assert alive(pid)
            task.cancel()
            task.cancel()
            await asyncio.sleep(0.01)
            task.cancel()
            await outcome(task)

    asyncio.run(run())


def test_only_the_same_process_is_killed() -> None:
    async def run() -> None:
        process = await asyncio.create_subprocess_exec("sleep", "1000")
        found = look(process.pid)
        assert found is not None
        assert not hung.end(process.pid, found.started + 1)
        assert alive(process.pid)
        assert not hung.end(0, 0)
        assert hung.end(process.pid, found.started)
        await process.wait()
        await until(lambda: not alive(process.pid), "it is gone")

    asyncio.run(run())
