"""The library door, used as a program would use it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import runyard
from runyard import (
    Context,
    Engine,
    FileRunStore,
    HttpNotifier,
    InvalidWorkflow,
    MemoryRunStore,
    Module,
    Outcome,
    Pipeline,
    Policy,
    Retry,
    Status,
    Step,
    StepResult,
    Task,
    load_workflow,
)
from runyard.model.run import RunFilter

WORKFLOW = """
version: v0.1
name: door
steps:
  - {name: one, action: cmd.run, args: {cmd: echo one}}
  - {name: two, action: cmd.run, args: {cmd: 'echo two; exit ${CODE:-0}'}}
"""


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    path = tmp_path / "door.yaml"
    path.write_text(WORKFLOW)
    return path


def test_every_public_name_is_there_and_nothing_else() -> None:
    for name in runyard.__all__:
        assert getattr(runyard, name) is not None
    assert set(runyard.__all__) <= set(dir(runyard))
    with pytest.raises(AttributeError):
        _ = runyard.Nonsense  # type: ignore[attr-defined]


def test_a_file_runs_and_its_results_come_back(workflow: Path, tmp_path: Path) -> None:
    engine = Engine(home=tmp_path / "home")
    result = asyncio.run(engine.apply_with_run(workflow, run_id="run-20260212-001"))
    assert result.ok and result.run_id == "run-20260212-001"
    assert result.step("one").outcome.stdout == "one\n"
    assert result.record.workflow_name == "door"
    failed = asyncio.run(engine.apply_with_run(load_workflow(workflow), vars={"CODE": 3}))
    assert failed.status is Status.FAILED and failed.step("two").outcome.exit_code == 3


def test_a_bad_document_raises_with_every_diagnostic(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("version: v0.1\nsteps: []\n")
    with pytest.raises(InvalidWorkflow) as refusal:
        asyncio.run(Engine(home=tmp_path / "home").apply_with_run(path))
    messages = [d.message for d in refusal.value.diagnostics]
    assert "name is required" in messages and "steps must not be empty" in messages


class Count(Step):
    """A step of the caller's own."""

    name = "count"
    policy = Policy(retry=Retry(attempts=3, delay=0.01))

    async def run(self, ctx: Context) -> StepResult:
        status = Status.SUCCESS if ctx.attempt == 2 else Status.FAILED
        outcome = Outcome(status, stdout=f"try {ctx.attempt}\n", exports={"N": ctx.attempt})
        return self.result(ctx, outcome, 0.0)


def test_a_pipeline_built_in_python(tmp_path: Path) -> None:
    pipeline = Pipeline("mine", (Module("m", (Task("t", (Count(),)),)),))
    result = asyncio.run(Engine(home=tmp_path).apply_with_run(pipeline))
    assert result.ok and result.step("count").attempt == 2
    assert result.step("count").outcome.exports == {"N": 2}


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_an_injected_store_has_the_snapshots(workflow: Path, tmp_path: Path, kind: str) -> None:
    store = MemoryRunStore() if kind == "memory" else FileRunStore(tmp_path / "runs")
    engine = Engine(home=tmp_path / "home", run_store=store)
    result = asyncio.run(engine.apply_with_run(workflow))
    record = asyncio.run(store.get_run(result.run_id))
    assert record.status is Status.SUCCESS and record.version >= 2
    assert [step.name for step in record.steps] == ["one", "two"]
    assert len(asyncio.run(store.list_runs(RunFilter()))) == 1


class Receiver:
    """A real HTTP receiver on loopback that fails the first `failing` calls."""

    def __init__(self, failing: int = 0) -> None:
        self.failing = failing
        self.calls = 0
        self.bodies: list[dict[str, Any]] = []
        self.signatures: list[bool] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.calls += 1
        if self.calls <= self.failing:
            return web.Response(status=500)
        digest = hmac.new(b"shared", body, hashlib.sha256).hexdigest()
        self.signatures.append(request.headers["X-Runyard-Signature"] == f"sha256={digest}")
        self.bodies.append(json.loads(body))
        return web.Response()

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_post("/hook", self.take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/hook"

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()


def test_every_status_change_is_told_in_order_and_signed(workflow: Path, tmp_path: Path) -> None:
    async def main() -> None:
        receiver = Receiver(failing=1)
        async with receiver as url:
            engine = Engine(
                home=tmp_path, notifier=HttpNotifier(url, secret="shared"), notify_delay=0.01
            )
            result = await engine.apply_with_run(workflow)
        assert result.ok and all(receiver.signatures)
        told = [(b["status"], b["step"], b["host"]) for b in receiver.bodies]
        assert told[-1] == ("success", "", "")
        assert told.index(("running", "one", "local")) < told.index(("success", "one", "local"))
        assert told.index(("success", "one", "local")) < told.index(("running", "two", "local"))
        versions = [b["version"] for b in receiver.bodies]
        assert versions == sorted(versions)
        assert set(receiver.bodies[0]) == {
            "run_id", "workflow_name", "status", "step", "host", "timestamp", "error", "version",
        }  # fmt: skip

    asyncio.run(main())


def test_a_notifier_that_fails_changes_nothing_but_is_remembered(
    workflow: Path, tmp_path: Path
) -> None:
    class Deaf:
        async def notify(self, payload: dict[str, Any]) -> None:
            raise ConnectionError("nobody there")

    engine = Engine(home=tmp_path, notifier=Deaf(), notify_retry=0)
    result = asyncio.run(engine.apply_with_run(workflow))
    assert result.ok

    async def look() -> str:
        from runyard.service.runs import Runs
        from runyard.store.home import Home

        async with Runs.open(Home(tmp_path)) as runs:
            return (await runs.get(result.run_id)).last_notify_error

    assert "nobody there" in asyncio.run(look())


def test_cancelling_the_caller_cancels_the_run_and_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text(
        "version: v0.1\nname: long\nsteps:\n"
        "  - {name: s, action: cmd.run, args: {cmd: 'echo $$ >pid; sleep 1000', dir: "
        f"{tmp_path}}}}}\n"
    )

    async def main() -> None:
        work = asyncio.ensure_future(Engine(home=tmp_path / "home").apply_with_run(path))
        while not (tmp_path / "pid").exists():
            await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        pid = int((tmp_path / "pid").read_text())
        assert not Path(f"/proc/{pid}").exists()

    asyncio.run(main())
