"""`runyard logs --group`: the output of a run with each output once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from runyard.cli.style import Paint
from runyard.cli.views.grouped_log import grouped_log
from runyard.model.status import Status
from runyard.service.job import RunOptions
from runyard.service.runs import Runs
from tests.integration.support import job, run, until, with_runs

HOSTS = ", ".join(f"web{n:02d}: {{}}" for n in range(1, 31))
TEXT = f"""
inventory: {{hosts: {{{HOSTS}}}}}
steps:
  - name: talk
    action: cmd.run
    args: {{cmd: 'echo same; case $RUNYARD_HOST in web0[12]) printf other;; web03) exit 4;; esac'}}
    continue_on_error: true
  - name: again
    action: cmd.run
    targets: ["web[01-03]"]
    retries: {{attempts: 2, delay: 0}}
    args:
      cmd: 'test -e {{mark}}$RUNYARD_HOST && echo good && exit;
        touch {{mark}}$RUNYARD_HOST; echo no; exit 1'
  - name: silent
    action: cmd.run
    args: {{cmd: "true"}}
"""


async def told(runs: Runs, run_id: str, **only: str) -> list[str]:
    return [line async for line in grouped_log(runs, run_id, Paint(), str, **only)]


def test_every_output_once_per_step(tmp_path: Path) -> None:
    async def scenario(runs: Runs) -> None:
        record, _ = await run(runs, TEXT.replace("{mark}", f"{tmp_path}/"))
        assert record.status is Status.SUCCESS
        assert await told(runs, record.run_id) == [
            "── talk  (30 hosts)",
            "web[04-30]: same 1 line",
            "  | same",
            "web[01-02]: same 2 lines",
            "  | same",
            "  | other",
            "web03 | same",
            "web03 = failed, exit code 4",
            "── again  (3 hosts)",
            "web[01-03]: same 1 line",
            "  | good",
            "── silent  (30 hosts)",
            "web[01-30]: no output",
        ]
        assert await told(runs, record.run_id, step="talk", host="web01") == [
            "── talk",
            "web01 | same",
            "web01 | other",
        ]
        assert (await told(runs, record.run_id, step="talk", stream="stderr"))[1:] == [
            "web[01-02,04-30]: no output",
            "web03 = failed, exit code 4",
        ]

    with_runs(tmp_path / "state", scenario)


def test_the_present_state_of_a_run_that_goes_on(tmp_path: Path) -> None:
    text = f"""
    inventory: {{hosts: {{{HOSTS}}}}}
    steps:
      - name: s
        action: cmd.run
        concurrency: 30
        args: {{cmd: 'echo here; test $RUNYARD_HOST = web01 || exec sleep 600'}}
    """

    async def scenario(runs: Runs) -> None:
        started = await runs.start(job(text), RunOptions())
        await until(runs, started.run_id, "result.reached")
        now = [
            "── s  (30 hosts)",
            "web[02-30]: running, same 1 line",
            "  | here",
            "web01 | here",
        ]
        try:
            async with asyncio.timeout(30):
                while await told(runs, started.run_id) != now:
                    await asyncio.sleep(0.02)
        finally:
            started.kill()
            await started.wait()

    with_runs(tmp_path, scenario)
