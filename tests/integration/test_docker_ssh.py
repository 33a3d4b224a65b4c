"""docker.run on an SSH host: its daemon's socket is forwarded."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.model.status import Status
from runyard.service.job import RunOptions
from runyard.service.runs import Runs
from runyard.service.started import Started
from tests.integration.dockerd import IMAGE, Daemon
from tests.integration.dockers import ours, running, until
from tests.integration.sshd import Sshd, server
from tests.integration.support import job, text_of, with_runs


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with server() as running:
        yield running


@pytest.fixture
def far(sshd: Sshd, docker: Daemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A server whose user may use the daemon; who dispatches finds none."""
    for name, value in sshd.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setattr("runyard.runners.docker.life.SOCKET", str(docker.socket))
    docker.folder.chmod(0o755)
    docker.socket.chmod(0o666)
    yield sshd
    docker.socket.chmod(0o660)


async def begin(runs: Runs, sshd: Sshd, args: dict[str, Any]) -> Started:
    step = {
        "name": "s",
        "action": "docker.run",
        "args": {"image": IMAGE, "network": "none", **args},
    }
    host = {"address": sshd.address, "identity": str(sshd.key)}
    text = f"inventory: {json.dumps({'hosts': {'far': host}})}\nsteps: [{json.dumps(step)}]\n"
    return await runs.start(job(text), RunOptions())


def test_a_container_at_the_other_end(tmp_path: Path, far: Sshd) -> None:
    async def scenario(runs: Runs) -> None:
        started = await begin(runs, far, {"command": "echo out; echo err >&2; exit 5"})
        await started.wait()
        found = started.results[0].outcome
        assert (found.exit_code, found.stdout, found.stderr) == (5, "out\n", "err\n"), found.message

    with_runs(tmp_path, scenario)


def test_a_connection_that_breaks_costs_nothing(tmp_path: Path, far: Sshd) -> None:
    (tmp_path / "v").mkdir()
    command = (
        "echo start >>/v/starts; i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i;"
        " [ $((i % 50)) = 0 ] && sleep 0.2; done; echo end"
    )
    args = {"command": command, "volumes": [f"{tmp_path}/v:/v"]}

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, far, args)
        await until(lambda: text_of(runs, started.run_id))
        for _ in range(3):
            await asyncio.to_thread(far.drop)
            await asyncio.sleep(0.2)
        await started.wait()
        whole = "".join(f"line {n}\n" for n in range(1, 301)) + "end\n"
        found = started.results[0].outcome
        assert (found.status, found.stdout) == (Status.SUCCESS, whole), found.message
        assert await text_of(runs, started.run_id) == whole
        assert (tmp_path / "v" / "starts").read_text() == "start\n"

    with_runs(tmp_path / "state", scenario)


def test_cancel_while_the_connection_is_cut_ends_it(
    tmp_path: Path, far: Sshd, docker: Daemon
) -> None:
    async def scenario(runs: Runs) -> None:
        started = await begin(runs, far, {"command": "echo up; exec sleep 1000"})
        await until(lambda: text_of(runs, started.run_id))
        await asyncio.to_thread(far.drop)
        started.cancel("enough")
        await started.wait()
        found = started.results[0].outcome
        assert (found.ended_by, found.survivors) == ("cancel", 0), found.message
        assert ours(docker) == []

    with_runs(tmp_path, scenario)


def test_who_may_not_use_the_daemon_is_told(tmp_path: Path, far: Sshd, docker: Daemon) -> None:
    if far.user.name == "root":
        pytest.skip("root may")
    docker.socket.chmod(0o600)

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, far, {"command": "true"})
        await started.wait()
        error = started.results[0].outcome.error
        assert error is not None
        assert (error["code"], error["retryable"]) == ("NO_SOCKET", False)
        assert "group `docker`" in error["hint"]

    with_runs(tmp_path, scenario)


def test_canceling_an_interrupted_run_ends_its_container_there(
    tmp_path: Path, far: Sshd, docker: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever dispatched is killed: here a process of its own, with the same settings."""
    monkeypatch.setattr("runyard.runners.docker.daemon.SOCKET", str(docker.socket))
    host = {"address": far.address, "identity": str(far.key)}
    args = {"image": IMAGE, "network": "none", "command": "echo up; exec sleep 1000"}
    step = {"name": "s", "action": "docker.run", "args": args}
    path = tmp_path / "w.yaml"
    path.write_text(
        "version: v0.1\nname: t\n"
        f"inventory: {json.dumps({'hosts': {'far': host}})}\nsteps: [{json.dumps(step)}]\n"
    )
    text = (
        "import runyard.runners.docker.life as life, runyard.cli.main as main, sys\n"
        f"life.SOCKET = {str(docker.socket)!r}\n"
        f"sys.argv = ['runyard', 'run', {str(path)!r}, '--run-id', 'run-over-ssh']\nmain.main()"
    )
    environment = {**os.environ, "RUNYARD_STATE": str(tmp_path / "state")}
    words = [sys.executable, "-c", text]
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as first:
        asyncio.run(running(docker))
        first.kill()

    async def scenario(runs: Runs) -> None:
        left = await runs.cancel("run-over-ssh")
        assert left is not None
        assert (left.ended, left.survivors, dict(left.unreached)) == (1, 0, {})
        assert ours(docker) == []

    with_runs(tmp_path / "state", scenario)
