from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runyard.engine.context import Context
from runyard.engine.policy import Fan, Policy
from runyard.engine.task import Task, _split
from runyard.expr.when import compile_when
from runyard.hosts.inventory import Host
from runyard.model.errors import UsageError
from runyard.model.result import Outcome
from runyard.model.status import Status
from tests.unit.engine.support import Bench, Do, bad, bench, ok


def statuses(ran):  # type: ignore[no-untyped-def]
    return [(r.host, r.step, r.status.value) for r in ran.results]


def test_results_come_in_host_order_however_long_each_took(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        async def slow_first(ctx: Context) -> Outcome:
            await asyncio.sleep(0.05 if ctx.host.name == "a" else 0)
            return ok()

        task = Task("t", (Do("one", slow_first), Do("two")))
        ran = await task.run(b.running())
        assert [(r.host, r.step) for r in ran.results] == [
            ("a", "one"), ("a", "two"), ("b", "one"), ("b", "two"),
        ]  # fmt: skip
        assert ran.ok

    bench(tmp_path, scenario, ["a", "b"])


def test_a_failing_host_leaves_its_siblings_alone(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s", lambda ctx: bad() if ctx.host.name == "a" else ok())
        after = Do("after")
        ran = await Task("t", (step, after)).run(b.running())
        assert statuses(ran) == [
            ("a", "s", "failed"), ("b", "s", "success"), ("b", "after", "success"),
        ]  # fmt: skip
        assert ran.error == 'step "s" on a: exit code 1'

    bench(tmp_path, scenario, ["a", "b"])


def test_an_exception_is_a_failed_result_with_its_place(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        def explode(ctx: Context) -> Outcome:
            raise ZeroDivisionError("division by zero")

        ran = await Task("t", (Do("s", explode),)).run(b.running())
        outcome = ran.results[0].outcome
        assert outcome.status is Status.ERROR
        assert outcome.error is not None and outcome.error["code"] == "INTERNAL"
        assert "ZeroDivisionError" in outcome.message and "test_task.py" in outcome.message

    bench(tmp_path, scenario)


@pytest.mark.parametrize("raised", [asyncio.CancelledError(), SystemExit(3)])
def test_what_ends_a_program_is_a_failed_result_of_the_step_alone(
    tmp_path: Path, raised: BaseException
) -> None:
    async def scenario(b: Bench) -> None:
        async def work(ctx: Context) -> Outcome:
            raise raised

        ran = await Task("t", (Do("s", work),)).run(b.running())
        assert ran.results[0].status is Status.ERROR and not ran.canceled

    bench(tmp_path, scenario)


def test_nobody_on_at_once_is_refused() -> None:
    with pytest.raises(UsageError, match="concurrency is 0"):
        Fan(concurrency=0)


def test_a_step_that_returns_no_result_is_an_error(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        class Wrong(Do):
            async def run(self, ctx: Context) -> None:  # type: ignore[override]
                return None

        ran = await Task("t", (Wrong("s"),)).run(b.running())
        assert ran.results[0].status is Status.ERROR
        assert "not a StepResult" in ran.error

    bench(tmp_path, scenario)


def test_concurrency_bounds_the_hosts_at_once(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        now = peak = 0

        async def count(ctx: Context) -> Outcome:
            nonlocal now, peak
            now += 1
            peak = max(peak, now)
            await asyncio.sleep(0.01)
            now -= 1
            return ok()

        await Task("t", (Do("s", count),), fan=Fan(concurrency=3)).run(b.running())
        assert peak == 3

    bench(tmp_path, scenario, [f"h{n}" for n in range(12)])


def test_serial_sends_a_canary_first_and_stops_when_it_fails(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s", lambda ctx: bad())
        ran = await Task("t", (step,), fan=Fan(serial=(1, "50%"))).run(b.running())
        assert [host for host, _ in step.calls] == ["h0"]
        assert ran.error

    bench(tmp_path, scenario, [f"h{n}" for n in range(6)])


def test_split_by_counts_and_shares() -> None:
    hosts = [Host(f"h{n}") for n in range(10)]
    assert [len(batch) for batch in _split(hosts, (1, "10%", "50%"))] == [1, 1, 5, 3]
    assert [len(batch) for batch in _split(hosts, (4,))] == [4, 4, 2]
    assert [len(batch) for batch in _split(hosts, ())] == [10]


def test_max_failures_stops_starting_hosts(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s", lambda ctx: bad())
        fan = Fan(concurrency=1, max_failures=1)
        await Task("t", (step,), fan=fan).run(b.running())
        assert len(step.calls) == 2

    bench(tmp_path, scenario, [f"h{n}" for n in range(6)])


def test_fail_fast_cancels_siblings_in_mid_command(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        async def work(ctx: Context) -> Outcome:
            if ctx.host.name == "a":
                await asyncio.sleep(0.02)
                return bad()
            await asyncio.sleep(60)
            return ok()

        ran = await Task("t", (Do("s", work),), fan=Fan(fail_fast=True)).run(b.running())
        assert statuses(ran) == [("a", "s", "failed"), ("b", "s", "canceled")]
        assert not b.halt.requested

    bench(tmp_path, scenario, ["a", "b"])


def test_run_once_runs_on_the_first_host_only(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s")
        await Task("t", (step,), fan=Fan(run_once=True)).run(b.running())
        assert step.calls == [("a", 1)]

    bench(tmp_path, scenario, ["a", "b"])


def test_exports_reach_later_steps_own_value_first_then_last_by_host_order(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        run = b.running()
        seen = {}

        def export(ctx: Context) -> Outcome:
            return ok(exports={"K": ctx.host.name})

        def look(ctx: Context) -> Outcome:
            seen[ctx.host.name] = ctx.scope().lookup("K")
            return ok()

        await Task("t", (Do("one", export),), targets=("a", "b")).run(run)
        await Task("u", (Do("two", look),)).run(run)
        assert seen == {"a": "a", "b": "b", "c": "b"}
        assert "warning.raised" in await b.types()

    bench(tmp_path, scenario, ["a", "b", "c"])


def test_a_false_when_of_the_task_skips_every_step_and_says_why(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s")
        ran = await Task("t", (step,), when=compile_when('${X} == "1"')).run(b.running())
        assert statuses(ran) == [("a", "s", "skipped")]
        assert "when" in ran.results[0].outcome.message
        assert step.calls == []

    bench(tmp_path, scenario)


def test_a_when_of_the_task_that_cannot_be_told_fails_its_host_alone(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        steps = Do("one"), Do("two")
        task = Task("t", steps, when=compile_when('${X} > 3 || "b" == "b"'))
        ran = await task.run(b.running(cli={"X": "abc"}))
        assert [(r.host, r.step, r.status.value) for r in ran.results] == [
            ("a", "one", "error"), ("b", "one", "error"),
        ]  # fmt: skip
        assert "cannot compare" in ran.error and steps[0].calls == []
        await b.settle()
        assert (await b.types()).count("step.finished") == 2

    bench(tmp_path, scenario, hosts=("a", "b"))


def test_continue_on_error_goes_on_with_the_host_and_is_no_error(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        first = Do("s", lambda ctx: bad(), policy=Policy(continue_on_error=True))
        ran = await Task("t", (first, Do("u"))).run(b.running())
        assert statuses(ran) == [("a", "s", "failed"), ("a", "u", "success")]
        assert ran.ok

    bench(tmp_path, scenario)


def test_no_host_is_no_work(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        ran = await Task("t", (Do("s"),), targets=("a",)).run(b.running(limit=("b",)))
        assert ran.results == () and ran.ok

    bench(tmp_path, scenario, ["a", "b"])
