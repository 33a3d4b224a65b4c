"""What the dead owner of a run has left behind is ended, whether its supervisor lives or not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runyard.hosts import hung
from runyard.hosts.abandoned import end_abandoned
from runyard.hosts.client import Client
from runyard.hosts.launch import socket_path
from runyard.hosts.past import Past
from runyard.model.errors import FencedError
from tests.integration.yards import OWNER, RUN, alive, attempt, local, pid_in, shell, spool, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

WORK = "trap 'echo $$ >>{0}/asked; exit 3' TERM; echo $$ >{0}/pid; while :; do sleep 0.05; done"


async def abandon(home: Path) -> tuple[int, int]:
    """Kill the owner of an attempt: pids of the work and of its supervisor."""
    text = WORK.format(home)
    owner = OWNER.replace('"test"', f'"{RUN}"')
    with subprocess.Popen([sys.executable, "-c", owner, home, attempt("s"), text]) as process:
        work = await pid_in(home / "pid")
        process.kill()
    path = socket_path(home, RUN)
    _, client = await asyncio.get_running_loop().create_unix_connection(Client, str(path))
    await client.hello(RUN, 1)
    await client.close()
    assert alive(work) and alive(client.pid)
    return work, client.pid


def test_a_living_supervisor_cancels(tmp_path: Path) -> None:
    async def run() -> None:
        work, supervisor = await abandon(tmp_path)
        assert await end_abandoned(tmp_path, RUN, 2) == (1, 0)
        assert not alive(work)
        assert (tmp_path / "asked").exists()  # it was given its grace
        end = Past("").exit_of(spool(tmp_path), attempt("s"))
        assert end is not None and (end.ended_by, end.exit_code) == ("cancel", 3)
        await until(lambda: not alive(supervisor), "the supervisor ended")
        assert await end_abandoned(tmp_path, RUN, 3) == (0, 0)

    asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_what_a_dead_or_hung_supervisor_left_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(hung, "HELLO", 0.5)

    async def run() -> None:
        work, supervisor = await abandon(tmp_path)
        os.kill(supervisor, number)
        assert await end_abandoned(tmp_path, RUN, 2) == (1, 0)
        assert not alive(work) and not alive(supervisor)
        end = Past("").exit_of(spool(tmp_path), attempt("s"))
        assert end is not None and end.ended_by == "lost"
        assert await end_abandoned(tmp_path, RUN, 3) == (0, 0)

    asyncio.run(run())


def test_a_run_with_a_newer_owner_is_left_alone(tmp_path: Path) -> None:
    async def run() -> None:
        async with local(tmp_path, RUN, 5) as host:
            task = asyncio.create_task(host.exec(shell(f"echo $$ >{tmp_path}/pid; sleep 1000")))
            work = await pid_in(tmp_path / "pid")
            with pytest.raises(FencedError):
                await end_abandoned(tmp_path, RUN, 4)
            assert alive(work)
            task.cancel()
            await task

    asyncio.run(run())


def test_a_run_that_never_started_anything(tmp_path: Path) -> None:
    assert asyncio.run(end_abandoned(tmp_path, RUN, 2)) == (0, 0)
