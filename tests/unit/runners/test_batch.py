"""Units of work: read from JSON, run one by one or many at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from runyard.model.errors import ArgumentError, RunyardError
from runyard.model.limits import Limits
from runyard.runners.batch import WorkUnit, run_batch, run_unit, stream_batch
from runyard.runners.metrics import Metrics
from runyard.runners.runner import Result, Runner, RunnerContext, RunnerStatus
from runyard.runners.runner_registry import RunnerRegistry
from runyard.runners.settings import RunnerSettings
from tests.unit.runners.fake import FakeConnector


def unit(**given: Any) -> WorkUnit:
    return WorkUnit.from_dict({"category": "command", **given})


def test_units_from_json() -> None:
    assert unit(
        command="ls",
        args=["-l"],
        timeout="5s",
        env={"A": 1},
        limits={"memory": "1k", "cpu_time": "2s"},
    ) == WorkUnit("command", "ls", '["-l"]', 5.0, {"A": "1"}, Limits(memory=1024, cpu_time=2.0))
    assert unit(command="ls", args='["-l"]').args == '["-l"]'
    assert unit(command="ls").args == ""


@pytest.mark.parametrize(
    "given",
    [
        [],
        {},
        {"category": 5},
        {"category": "command", "comand": "ls"},
        {"category": "command", "timeout": "soon"},
        {"category": "command", "env": []},
        {"category": "command", "command": ["ls"]},
        {"category": "command", "limits": {"memory": "lots"}},
        {"category": "command", "limits": {"disk": 1}},
    ],
)
def test_bad_units(given: Any) -> None:
    with pytest.raises(RunyardError) as caught:
        WorkUnit.from_dict(given)
    assert caught.value.exit_code == 2


def test_a_unit_brings_its_environment_timeout_and_limits() -> None:
    way = FakeConnector()
    settings = RunnerSettings(default_timeout=9.0, resource_limits=Limits(processes=5))

    async def go() -> None:
        context = RunnerContext(way, env={"A": "context", "B": "context"})
        for given in ({"env": {"A": "own"}, "timeout": 3}, {"limits": {"memory": 7}}):
            one = unit(command="sh", args=["-c", "echo $A $B"], **given)
            await run_unit(one, RunnerRegistry(), context, settings)

    asyncio.run(go())
    first, second = way.seen
    assert (first.env["A"], first.env["B"], first.timeout) == ("own", "context", 3.0)
    assert first.limits == Limits(processes=5)
    assert (second.timeout, second.limits) == (9.0, Limits(memory=7))
    assert first.attempt != second.attempt


def test_what_is_wrong_with_a_unit_is_its_result() -> None:
    async def go() -> list[Result]:
        units = [
            unit(command="echo", args=["a"]),
            WorkUnit("nope"),
            unit(command="echo", args="not json"),
            unit(command="echo", args=["b"]),
        ]
        return await run_batch(units, RunnerRegistry(), RunnerContext(FakeConnector()))

    results = asyncio.run(go())
    assert [r.status.value for r in results] == ["success", "error", "error", "success"]
    assert 'unknown category "nope"' in results[1].error
    assert "not JSON" in results[2].error


class Gauge:
    """A runner that tells how many run at once, and in which order they began."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.order: list[str] = []

    def factory(self, context: RunnerContext) -> Runner:
        return Measured(self)


class Measured:
    status = RunnerStatus.PENDING
    result: Result | None = None

    def __init__(self, gauge: Gauge) -> None:
        self.gauge = gauge

    def parse_args(self, command: str, args: str) -> None:
        self.command = command

    async def execute(self) -> Result:
        self.gauge.order.append(self.command)
        self.gauge.now += 1
        self.gauge.most = max(self.gauge.most, self.gauge.now)
        try:
            if self.command == "break":
                raise ZeroDivisionError
            if self.command == "cancel":
                raise asyncio.CancelledError
            if self.command == "hang":
                await asyncio.sleep(3600)
            await asyncio.sleep(0.001)
        finally:
            self.gauge.now -= 1
        return Result(RunnerStatus.SUCCESS, self.command)

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def set_timeout(self, seconds: float) -> None: ...

    async def cleanup(self) -> None:
        self.gauge.order.append(f"~{self.command}")


def batch(*commands: str, concurrency: int = 4) -> tuple[Gauge, list[Result]]:
    gauge, registry = Gauge(), RunnerRegistry()
    registry.register("gauge", gauge.factory)
    units = [WorkUnit("gauge", command) for command in commands]
    results = asyncio.run(
        run_batch(units, registry, RunnerContext(FakeConnector()), RunnerSettings(concurrency))
    )
    return gauge, results


def test_a_batch_is_bounded_and_first_come_first_served() -> None:
    commands = [str(n) for n in range(50)]
    gauge, results = batch(*commands, concurrency=4)
    assert [result.output for result in results] == commands
    assert gauge.most == 4
    assert [c for c in gauge.order if not c.startswith("~")] == commands
    assert len([c for c in gauge.order if c.startswith("~")]) == 50


def test_broken_runners_do_not_stop_a_batch() -> None:
    _, results = batch("a", "break", "cancel", "b", concurrency=1)
    assert [r.status.value for r in results] == ["success", "error", "canceled", "success"]
    assert "ZeroDivisionError" in results[1].error


def test_an_empty_batch() -> None:
    assert batch()[1] == []


def test_results_come_as_they_are_reached() -> None:
    gauge, registry = Gauge(), RunnerRegistry()
    registry.register("gauge", gauge.factory)

    async def go() -> None:
        units = [WorkUnit("gauge", "hang"), WorkUnit("gauge", "quick")]
        stream = stream_batch(units, registry, RunnerContext(FakeConnector()))
        async for index, result in stream:
            assert (index, result.output) == (1, "quick")
            break
        await stream.aclose()  # type: ignore[attr-defined]
        assert gauge.now == 0
        assert "~hang" in gauge.order

    asyncio.run(go())


def test_canceling_a_batch_ends_what_runs_and_starts_no_more(tmp_path: Path) -> None:
    way = FakeConnector()

    async def go() -> None:
        units = [unit(command="sleep", args=["60"]), unit(command="touch", args=[f"{tmp_path}/x"])]
        work = run_batch(units, RunnerRegistry(), RunnerContext(way), RunnerSettings(1))
        task = asyncio.ensure_future(work)
        await way.running.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert not (tmp_path / "x").exists()


def test_metrics_of_a_batch() -> None:
    metrics = Metrics()

    async def go() -> None:
        units = [unit(command="true"), unit(command="false"), WorkUnit("nope")]
        context = RunnerContext(FakeConnector())
        await run_batch(units, RunnerRegistry(), context, metrics=metrics)

    asyncio.run(go())
    page = metrics.render()
    assert 'runyard_work_total{category="command",status="failed"} 1\n' in page
    assert 'runyard_work_errors_total{category="nope",class="argument"} 1\n' in page


def test_argument_error_names_known_keys() -> None:
    with pytest.raises(ArgumentError, match="known: category, command, args"):
        WorkUnit.from_dict({"category": "command", "cmd": "ls"})
