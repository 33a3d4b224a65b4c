"""The end of a run: what is written before hosts may forget, and which may not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from runyard.engine.context import Context
from runyard.engine.flying import Flying
from runyard.engine.module import Module
from runyard.engine.pipeline import Pipeline
from runyard.engine.policy import Policy
from runyard.engine.step import Step
from runyard.engine.task import Task
from runyard.model.errors import HostLost, StoreError
from runyard.model.event import Event, NewEvent
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.service.job import RunOptions
from runyard.service.run_task import RunTask, Signals
from runyard.service.runs import Runs
from tests.integration.support import job, with_runs
from tests.unit.engine.support import RUN, Bench, Do, Way, bench, ok


class Seen(Way):
    """Notes how it was left, and what the journal held then."""

    def __init__(self, host: str, b: Bench) -> None:
        super().__init__(host)
        self.bench = b
        self.left: list[tuple[bool, list[str]]] = []

    async def close(self, *, done: bool = False) -> None:
        rows = await self.bench.journal.attempts(RUN)
        reached = [row.step for row in rows if row.host == self.host and row.result is not None]
        self.left.append((done, reached))


def task_of(b: Bench, *steps: Step) -> RunTask:
    b.ways = {name: Seen(name, b) for name in b.ways}
    pipeline = Pipeline("p", (Module("m", (Task("t", steps),)),))
    ownership = b.home.own(RUN)
    return RunTask(b.journal, ownership, b.running(), Signals(b.halt, b.kill), pipeline)


def left(b: Bench, host: str = "a") -> list[tuple[bool, list[str]]]:
    way: Any = b.ways[host]
    return way.left  # type: ignore[no-any-return]


def test_hosts_may_forget_only_what_is_written_here(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        record = await task_of(b, Do("one"), Do("two")).execute()
        assert record.status is Status.SUCCESS
        assert left(b) == [(True, ["one", "two"])]

    bench(tmp_path, scenario)


def test_hosts_keep_what_could_not_be_written(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        run = task_of(b, Do("one"))
        commit = b.journal.commit

        async def full(run_id: str, epoch: int, events: list[NewEvent]) -> list[Event]:
            if any(event.type == "result.reached" for event in events):
                raise StoreError("the disk is full")
            return await commit(run_id, epoch, events)

        b.journal.commit = full  # type: ignore[assignment,method-assign]
        try:
            await run.execute()
        except StoreError:
            pass
        assert [done for done, _ in left(b)] == [False]

    bench(tmp_path, scenario)


def test_a_host_keeps_what_it_may_be_asked_for_again(tmp_path: Path) -> None:
    """Contact with `a` was lost, and it was there again before the run ended."""

    async def scenario(b: Bench) -> None:
        def lose(ctx: Context) -> Outcome:
            if ctx.host.name == "a":
                raise HostLost("contact with a was lost")
            return ok()

        policy = Policy(continue_on_error=True)
        await task_of(b, Do("one", lose, policy=policy), Do("two")).execute()
        assert left(b, "a") == [(False, ["one", "two"])]
        assert left(b, "b") == [(True, ["one", "two"])]

    bench(tmp_path, scenario, ["a", "b"])


def test_also_what_an_earlier_life_left_there(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        run = b.running()
        await run.ledger.intend(Flying("two", "a", 1))
        past = await b.past()
        b.ways = {"a": Seen("a", b)}

        async def stop(ctx: Context) -> Outcome:
            asyncio.get_running_loop().call_soon(b.halt.request, "stopped")
            await asyncio.sleep(10)
            return ok()

        pipeline = Pipeline("p", (Module("m", (Task("t", (Do("one", stop), Do("two"))),)),))
        signals = Signals(b.halt, b.kill)
        ended = RunTask(b.journal, b.home.own(RUN), b.running(past), signals, pipeline)
        assert (await ended.execute()).status is Status.CANCELED
        assert left(b) == [(False, ["one"])]

    bench(tmp_path, scenario)


def test_hosts_forget_the_checks_of_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[bool] = []

    class Told(Way):
        async def close(self, *, done: bool = False) -> None:
            left.append(done)

    monkeypatch.setattr("runyard.service.runs.Ways", lambda site: lambda host, become: Told("a"))

    async def scenario(runs: Runs) -> None:
        text = "steps: [{name: s, action: env.set, args: {env: {A: b}}}]"
        await runs.plan(job(text), RunOptions())

    with_runs(tmp_path, scenario)
    assert left == [True]
