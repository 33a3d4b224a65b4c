"""A host that is lost in the middle of its work, and comes back, or does not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.engine import offline
from runyard.hosts import remote
from runyard.model.status import Status
from runyard.service.job import RunOptions
from runyard.service.runs import Runs
from tests.integration import support
from tests.integration.agent_process import Agent, agent, alive
from tests.integration.yards import pid_in

ID = f"run-offline-{os.getpid()}"


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    monkeypatch.setattr(remote, "PATIENCE", 0.2)
    monkeypatch.setattr(remote, "_LASTING", 0.0)  # so that it is absence, and no flapping
    monkeypatch.setattr(offline, "PATIENCE", 0.2)
    with agent(tmp_path / "agent") as running:
        yield running


def text(one: Agent, tmp_path: Path, policy: str) -> str:
    return f"""
    offline: {policy}
    inventory:
      hosts:
        far: {{address: "http://127.0.0.1:{one.port}"}}
    steps:
      - name: work
        action: shell.run
        retries: 3
        args:
          script: |
            echo $$ >>{tmp_path}/pid
            echo one
            until [ -e {tmp_path}/go ]; do sleep 0.02; done
            echo two
      - name: after
        action: cmd.run
        args: {{cmd: "echo after"}}
    """


def scene(tmp_path: Path, play: Callable[[Runs], Coroutine[Any, Any, None]]) -> None:
    support.with_runs(tmp_path / "home", play)


async def warned(runs: Runs, run_id: str, code: str) -> str:
    """The text of the first warning with this code."""
    async with asyncio.timeout(20):
        async for event in runs.events(run_id, follow=True):
            if event.type == "warning.raised" and event.data["code"] == code:
                return str(event.data["message"])
    raise AssertionError(f"no {code}")


def test_a_run_that_waits_takes_up_the_same_attempt(one: Agent, tmp_path: Path) -> None:
    async def play(runs: Runs) -> None:
        job = support.job(text(one, tmp_path, "wait"))
        started = await runs.start(job, RunOptions(run_id=f"{ID}-a"))
        await pid_in(tmp_path / "pid")
        await asyncio.to_thread(one.kill)
        assert "waiting for far" in await warned(runs, started.run_id, "OFFLINE")
        (tmp_path / "go").touch()
        await asyncio.to_thread(one.start)
        record = await started.wait()
        assert record.status is Status.SUCCESS, record.message
        assert "far is back after" in await warned(runs, started.run_id, "ONLINE")
        assert await support.text_of(runs, started.run_id, step="work") == "one\ntwo\n"

    scene(tmp_path, play)
    assert len((tmp_path / "pid").read_text().split()) == 1


def test_a_run_that_does_not_is_resumed_and_finds_the_attempt(one: Agent, tmp_path: Path) -> None:
    async def play(runs: Runs) -> None:
        job = support.job(text(one, tmp_path, "fail"))
        started = await runs.start(job, RunOptions(run_id=f"{ID}-b"))
        await pid_in(tmp_path / "pid")
        await asyncio.to_thread(one.kill)
        record = await started.wait()
        assert record.status is Status.FAILED and "contact with far was lost" in record.message
        again = await runs.resume(started.run_id, job)  # in vain: it is still away
        assert (await again.wait()).status is Status.FAILED
        (tmp_path / "go").touch()
        await asyncio.to_thread(one.start)
        last = await runs.resume(started.run_id, job)
        assert (await last.wait()).status is Status.SUCCESS
        assert await support.text_of(runs, started.run_id, step="work") == "one\ntwo\n"

    scene(tmp_path, play)
    assert len((tmp_path / "pid").read_text().split()) == 1


def test_a_cancel_while_the_host_is_away_says_what_it_could_not_do(
    one: Agent, tmp_path: Path
) -> None:
    async def play(runs: Runs) -> None:
        job = support.job(text(one, tmp_path, "wait"))
        started = await runs.start(job, RunOptions(run_id=f"{ID}-c"))
        pid = await pid_in(tmp_path / "pid")
        await asyncio.to_thread(one.kill)
        await warned(runs, started.run_id, "OFFLINE")
        started.cancel("enough")
        record = await started.wait()
        assert record.status is Status.CANCELED
        result = started.results[0]
        assert result.outcome.error is not None
        assert result.outcome.error["code"] == "HOST_LOST"
        assert "its cancellation could not be delivered" in result.outcome.message
        assert alive(pid)

    scene(tmp_path, play)


def test_a_host_that_is_away_between_two_steps_is_looked_for(
    one: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "PATIENCE", 30.0)
    both = f"""
    inventory:
      hosts:
        here: {{}}
        far: {{address: "http://127.0.0.1:{one.port}"}}
    steps:
      - {{name: first, targets: [far], action: cmd.run, args: {{cmd: "echo one"}}}}
      - name: between
        targets: [here]
        action: shell.run
        args: {{script: "touch {tmp_path}/there; until [ -e {tmp_path}/go ]; do sleep 0.02; done"}}
      - {{name: last, targets: [far], action: cmd.run, args: {{cmd: "echo two"}}}}
    """

    async def play(runs: Runs) -> None:
        started = await runs.start(support.job(both), RunOptions(run_id=f"{ID}-d"))
        while not (tmp_path / "there").exists():
            await asyncio.sleep(0.02)
        await asyncio.to_thread(one.kill)
        (tmp_path / "go").touch()
        await warned(runs, started.run_id, "OFFLINE")
        await asyncio.to_thread(one.start)
        assert (await started.wait()).status is Status.SUCCESS

    scene(tmp_path, play)
