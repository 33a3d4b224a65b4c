"""A step on a host without Python whose link was cut: never started twice."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from runyard.engine.action_step import ActionStep
from runyard.engine.policy import Call, Policy
from runyard.engine.retry import Retry
from runyard.engine.task import Task
from runyard.hosts.plain import PlainConnector
from runyard.model.event import NewEvent
from runyard.model.result import StepResult
from runyard.model.status import Status
from runyard.runners.actions.cmd import CmdRun
from tests.integration.yards import until
from tests.unit.engine.support import Bench, bench
from tests.unit.hosts.shells import LocalShell


def test_a_cut_attempt_is_lost_then_interrupted_then_done_anew(tmp_path: Path) -> None:
    starts, go = tmp_path / "starts", tmp_path / "go"
    text = f"echo x >>{starts}; while ! [ -e {go} ]; do sleep 0.02; done"
    policy = Policy(retry=Retry(attempts=3, delay=0.0, on=("any",)))
    step = ActionStep("s", Call(CmdRun(), {"cmd": text}), policy=policy)

    async def scenario(b: Bench) -> None:
        shell = LocalShell(tmp_path, os.environ["PATH"])

        async def life(cut: bool = False) -> StepResult:
            """One process, as it were, that drives the run until it is interrupted."""
            b.ways["a"] = PlainConnector("a", shell, tmp_path / "output")  # type: ignore[assignment]
            task = asyncio.create_task(Task("t", (step,)).run(b.running(await b.past())))
            if cut:
                await until(starts.exists, "it runs")
                shell.cut()
            result = (await task).results[0]
            await b.run.ledger.record(NewEvent("run.finished", data={"status": "interrupted"}))
            return result

        lost = await life(cut=True)
        assert (lost.outcome.error or {})["code"] == "HOST_LOST"
        interrupted = await life()
        assert (interrupted.outcome.error or {})["code"] == "INTERRUPTED"
        assert "install python3 on a" in (interrupted.outcome.error or {})["hint"]
        assert starts.read_text() == "x\n"
        go.touch()
        done = await life()
        assert (done.status, done.attempt) == (Status.SUCCESS, 2)
        assert starts.read_text() == "x\nx\n"
        await shell.close()

    bench(tmp_path, scenario)
