"""docker.run on a host with a push agent: the agent does it, at its own daemon."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.model.status import Status
from runyard.service.job import RunOptions
from runyard.service.runs import Runs
from runyard.service.started import Started
from tests.integration.agent_process import Agent, agent
from tests.integration.dockerd import IMAGE, Daemon
from tests.integration.dockers import ours, running, until
from tests.integration.support import job, text_of, with_runs


@pytest.fixture
def one(tmp_path: Path, docker: Daemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    """An agent that finds the daemon; who dispatches does not."""
    with agent(tmp_path / "agent") as made:
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        yield made


async def begin(runs: Runs, one: Agent, args: dict[str, Any], **keys: Any) -> Started:
    step = {
        "name": "s",
        "action": "docker.run",
        "args": {"image": IMAGE, "network": "none", **args},
    }
    host = {"address": f"http://127.0.0.1:{one.port}"}
    text = (
        f"inventory: {json.dumps({'hosts': {'far': host}})}\nvars: {{V: value}}\n"
        f"steps: [{json.dumps({**step, **keys})}]\n"
    )
    return await runs.start(job(text), RunOptions())


def test_its_output_comes_as_it_is_written_and_all_of_it(
    tmp_path: Path, one: Agent, docker: Daemon
) -> None:
    command = (
        'echo "$V"; echo err >&2; until [ -e /v/go ]; do sleep 0.05; done; seq 1 300000;'
        ' echo "BOPS_EXPORT:K=v1"; exit 4'
    )
    (tmp_path / "v").mkdir()
    args = {"command": command, "volumes": [f"{tmp_path}/v:/v"], "export_vars": True}

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, one, args, limits={"memory": "64MB"})
        await until(lambda: text_of(runs, started.run_id, stream="stderr"))
        assert await text_of(runs, started.run_id, stream="stdout") == "value\n"
        assert (await running(docker))["HostConfig"]["Memory"] == 64 << 20
        (tmp_path / "v" / "go").touch()
        await started.wait()
        found = started.results[0].outcome
        numbers = "".join(f"{n}\n" for n in range(1, 300001))
        whole = f"value\n{numbers}BOPS_EXPORT:K=v1\n"
        assert await text_of(runs, started.run_id, stream="stdout") == whole
        assert (found.exit_code, found.exports, found.output_bytes) == (
            4,
            {"K": "v1"},
            len(whole) + 4,
        )
        assert "bytes dropped" in found.stdout and found.stderr == "err\n"

    with_runs(tmp_path / "state", scenario)


def test_a_short_one(tmp_path: Path, one: Agent) -> None:
    async def scenario(runs: Runs) -> None:
        started = await begin(runs, one, {"command": "echo out; echo err >&2"})
        await started.wait()
        found = started.results[0].outcome
        assert (found.status, found.stdout, found.stderr) == (Status.SUCCESS, "out\n", "err\n")
        assert await text_of(runs, started.run_id, stream="stdout") == "out\n"
        assert await text_of(runs, started.run_id, stream="stderr") == "err\n"

    with_runs(tmp_path / "state", scenario)


def test_cancel_ends_it_there(tmp_path: Path, one: Agent, docker: Daemon) -> None:
    async def scenario(runs: Runs) -> None:
        started = await begin(
            runs, one, {"command": "trap 'exit 7' TERM; echo up; sleep 1000 & wait"}
        )
        await until(lambda: text_of(runs, started.run_id))
        started.cancel("enough")
        await started.wait()
        found = started.results[0].outcome
        assert (found.status, found.ended_by, found.exit_code) == (Status.CANCELED, "cancel", 7)
        assert found.survivors == 0
        assert ours(docker) == []

    with_runs(tmp_path / "state", scenario)


def test_a_second_cancel_does_not_wait_for_the_grace(
    tmp_path: Path, one: Agent, docker: Daemon
) -> None:
    async def scenario(runs: Runs) -> None:
        command = "trap '' TERM; echo up; while :; do sleep 0.1; done"
        started = await begin(runs, one, {"command": command}, grace="300s")
        await until(lambda: text_of(runs, started.run_id))
        started.cancel("enough")
        await asyncio.sleep(0.5)
        started.kill("at once")
        await started.wait()
        found = started.results[0].outcome
        assert (found.status, found.ended_by, found.exit_code) == (Status.CANCELED, "cancel", 137)
        assert found.survivors == 0
        assert ours(docker) == []

    with_runs(tmp_path / "state", scenario)


def test_an_agent_that_is_killed_takes_it_up_again(
    tmp_path: Path, one: Agent, docker: Daemon
) -> None:
    (tmp_path / "v").mkdir()
    command = (
        "echo start >>/v/starts; echo one; until [ -e /v/go ]; do sleep 0.05; done; seq 1 5000"
    )
    args = {"command": command, "volumes": [f"{tmp_path}/v:/v"]}

    async def scenario(runs: Runs) -> None:
        started = await begin(runs, one, args)
        await until(lambda: text_of(runs, started.run_id))
        await asyncio.to_thread(one.kill)
        (tmp_path / "v" / "go").touch()
        await asyncio.to_thread(one.start, DOCKER_HOST=docker.address)
        await started.wait()
        found = started.results[0].outcome
        assert found.status is Status.SUCCESS, found.message
        numbers = "".join(f"{n}\n" for n in range(1, 5001))
        assert await text_of(runs, started.run_id) == f"one\n{numbers}"
        assert (tmp_path / "v" / "starts").read_text() == "start\n"
        assert ours(docker) == []

    with_runs(tmp_path / "state", scenario)


def test_an_agent_that_was_killed_after_a_cancel_ends_it(
    tmp_path: Path, one: Agent, docker: Daemon
) -> None:
    """The order is on disk; the container did not hear of it before the agent died."""
    args = {
        "image": IMAGE,
        "network": "none",
        "command": "trap '' TERM; while :; do sleep 0.1; done",
    }
    one.run("task-1", "", "docker.run", args=args, grace=1)
    asyncio.run(running(docker))
    assert one.ask("POST", "/cancel", {"task_id": "task-1"})[0] == 200
    one.kill()
    one.start(DOCKER_HOST=docker.address)
    assert one.outcome("task-1")["status"] == "canceled"
    assert ours(docker) == []
