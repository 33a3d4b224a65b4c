"""Thousands of hosts from one process, through the service."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from runyard.hosts.inventory import Host, Inventory
from runyard.model.status import Status
from runyard.service.job import Job, RunOptions
from runyard.service.runs import Runs
from tests.integration.support import events_of, job, with_runs

HOSTS = 5_000
THREE = """
steps:
  - {name: one, action: env.set, concurrency: 50, args: {env: {A: "${N}"}}}
  - {name: two, action: env.set, concurrency: 500, args: {env: {B: "${A}"}}}
  - {name: three, action: env.set, serial: [1, 10%, 50%], args: {env: {C: "${A}${B}"}}}
"""


def many(text: str, hosts: int) -> Job:
    inventory = Inventory.of([Host(f"web{n:04d}", vars={"N": str(n)}) for n in range(hosts)])
    made = job(text)
    return Job(made.pipeline, inventory, base=made.base, text=made.text, digest=made.digest)


def test_five_thousand_hosts_with_three_steps_each(tmp_path: Path) -> None:
    async def scenario(runs: Runs) -> None:
        started = await runs.start(many(THREE, HOSTS), RunOptions())
        record = await started.wait()
        names = [f"web{n:04d}" for n in range(HOSTS)]
        assert record.status is Status.SUCCESS
        found = [(result.step, result.host) for result in started.results]
        assert found == [(step, name) for step in ("one", "two", "three") for name in names]
        last = started.results[-1]
        assert last.outcome.env == {"C": str(HOSTS - 1) * 2}
        assert [list(step.hosts) for step in record.steps] == [names] * 3
        types = Counter(event.type for event in await events_of(runs, record.run_id))
        assert types["attempt.started"] == types["result.reached"] == 3 * HOSTS
        assert types["step.started"] == types["step.finished"] == 3

    with_runs(tmp_path, scenario)


@pytest.mark.parametrize(
    ("keys", "started"),
    [
        ("serial: [1, 10%]", 1),
        ("serial: [5, 50%]", 5),
        ("serial: 10, max_failures: 25", 30),
        ("concurrency: 1, max_failures: 3", 4),
        ("run_once: true", 1),
    ],
)
def test_a_failing_canary_stops_the_roll_out(tmp_path: Path, keys: str, started: int) -> None:
    text = f'steps: [{{name: s, action: cmd.run, {keys}, args: {{cmd: ["false"]}}}}]'

    async def scenario(runs: Runs) -> None:
        run = await runs.start(many(text, 200), RunOptions())
        record = await run.wait()
        assert record.status is Status.FAILED
        assert [result.host for result in run.results] == [f"web{n:04d}" for n in range(started)]

    with_runs(tmp_path, scenario)


def test_fail_fast_ends_processes_that_would_go_on(tmp_path: Path) -> None:
    text = """
    steps:
      - name: s
        action: cmd.run
        concurrency: 20
        fail_fast: true
        args: {cmd: 'test $RUNYARD_HOST != web0007 || { sleep 0.2; exit 9; }; exec sleep 600'}
    """

    async def scenario(runs: Runs) -> None:
        run = await runs.start(many(text, 40), RunOptions())
        async with asyncio.timeout(60):
            record = await run.wait()
        assert record.status is Status.FAILED
        counts = Counter(str(result.status) for result in run.results)
        assert counts == {"failed": 1, "canceled": 19}
        assert {result.outcome.survivors for result in run.results} == {0}
        assert record.last_error == 'step "s" on web0007: exit code 9'

    with_runs(tmp_path, scenario)


def test_fail_fast_leaves_everybody_the_grace(tmp_path: Path) -> None:
    """Some end at once, and fail by that; others tidy up, which takes them a moment."""
    text = """
    steps:
      - name: s
        action: shell.run
        concurrency: 20
        fail_fast: true
        args:
          script: |
            case $RUNYARD_HOST in
              web0007) sleep 0.5; exit 9;;
              *[02468]) exec sleep 600;;
            esac
            trap 'sleep 1; echo tidy; exit 1' TERM
            while :; do sleep 0.05; done
    """

    async def scenario(runs: Runs) -> None:
        run = await runs.start(many(text, 20), RunOptions())
        await run.wait()
        said = Counter(result.outcome.stdout for result in run.results)
        assert said == {"tidy\n": 9, "": 11}

    with_runs(tmp_path, scenario)
