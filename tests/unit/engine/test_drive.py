from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from runyard.engine.context import Context
from runyard.engine.flying import Flying
from runyard.engine.ledger import Ledger
from runyard.engine.policy import Offline, Policy
from runyard.engine.retry import Retry
from runyard.engine.task import Task
from runyard.expr.when import compile_when
from runyard.model.event import NewEvent
from runyard.model.execution import Exec, Exit
from runyard.model.result import Outcome
from runyard.model.status import Status
from tests.unit.engine.support import RUN, Bench, Do, Way, bad, bench, ok

QUICK = Retry(attempts=3, delay=0.001, jitter=0)


async def one(b: Bench, step: Do, **more):  # type: ignore[no-untyped-def]
    return (await Task("t", (step,)).run(b.running(**more))).results[0]


def test_the_intent_is_journaled_before_the_work_and_the_result_before_it_is_told(
    tmp_path: Path,
) -> None:
    async def scenario(b: Bench) -> None:
        seen: list[str] = []

        async def look(ctx: Context) -> Outcome:
            seen.extend(await b.types())
            return ok()

        await one(b, Do("s", look))
        assert seen[-2:] == ["step.started", "attempt.started"]
        await b.settle()
        assert "result.reached" in await b.types()

    bench(tmp_path, scenario)


def test_retries_until_it_is_good(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s", lambda ctx: ok() if ctx.attempt == 3 else bad(), policy=Policy(retry=QUICK))
        result = await one(b, step)
        assert result.status is Status.SUCCESS and result.attempt == 3
        assert (await b.types()).count("retry.scheduled") == 2

    bench(tmp_path, scenario)


def test_retries_end_and_the_last_failure_is_the_result(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s", lambda ctx: bad(f"try {ctx.attempt}"), policy=Policy(retry=QUICK))
        result = await one(b, step)
        assert result.outcome.message == "try 3"
        assert step.calls == [("a", 1), ("a", 2), ("a", 3)]

    bench(tmp_path, scenario)


def test_check_that_passes_skips_with_times_and_starts_nothing(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s", check=lambda ctx: True)
        result = await one(b, step)
        assert result.status is Status.SKIPPED and result.attempt == 0
        assert 0 < result.started_at <= result.ended_at
        assert step.calls == []

    bench(tmp_path, scenario)


def test_check_that_fails_is_a_recorded_failed_result(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        def explode(ctx: Context) -> bool:
            raise OSError("no such thing")

        result = await one(b, Do("s", check=explode))
        assert result.status is Status.ERROR and "no such thing" in result.outcome.message

    bench(tmp_path, scenario)


def test_when_that_cannot_be_evaluated_is_an_argument_error(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        policy = Policy(when=compile_when("${X} > 1"))
        result = await one(b, Do("s", policy=policy), cli={"X": "many"})
        assert result.status is Status.ERROR
        assert result.outcome.error is not None and result.outcome.error["class"] == "argument"

    bench(tmp_path, scenario)


def test_must_vars_and_expect_vars(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s", policy=Policy(must_vars=("X", "Y")))
        result = await one(b, step, cli={"X": "1", "Y": ""})
        assert result.outcome.message == "must_vars: Y not set" and step.calls == []
        lacking = await one(b, Do("u", policy=Policy(expect_vars=("OK",))))
        assert lacking.status is Status.FAILED and "OK" in lacking.outcome.message

    bench(tmp_path, scenario)


def test_changed_when_decides_whether_it_changed(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        policy = Policy(changed_when=compile_when('${CHANGED} == "yes"'))
        for value, changed in (("yes", True), ("no", False)):
            step = Do(f"s-{value}", lambda ctx, v=value: ok(exports={"CHANGED": v}), policy=policy)
            assert (await one(b, step)).outcome.changed is changed

    bench(tmp_path, scenario)


def test_a_fallback_stands_in_and_says_so(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        result = await one(b, Do("s", lambda ctx: bad("boom"), fallback=Do("plan-b")))
        assert result.status is Status.SUCCESS and result.step == "s"
        assert result.outcome.warnings == ("fell back to plan-b after: boom",)

    bench(tmp_path, scenario)


def test_a_fallback_has_a_journaled_end_of_its_own(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await one(b, Do("s", lambda ctx: bad(), fallback=Do("fallback:s")))
        await b.end("success")
        statuses = {row.step: row.status.value for row in await b.journal.attempts(RUN)}
        assert statuses == {"s": "success", "fallback:s": "success"}
        record = await b.journal.get(RUN)
        assert [(s.name, s.status.value) for s in record.steps] == [
            ("s", "success"), ("fallback:s", "success"),
        ]  # fmt: skip

    bench(tmp_path, scenario)


def test_a_failing_fallback_leaves_the_first_failure(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        fallback = Do("plan-b", lambda ctx: bad("worse"))
        result = await one(b, Do("s", lambda ctx: bad("boom"), fallback=fallback))
        assert result.outcome.message == "boom"

    bench(tmp_path, scenario)


def test_offline_policies(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        for policy, absent, status in (
            (Offline("fail"), 1, Status.ERROR),
            (Offline("skip"), 1, Status.SKIPPED),
            (Offline("wait"), 1, Status.SUCCESS),
            (Offline("wait", deadline=0.0), 9, Status.ERROR),
        ):
            b.ways["a"].absent = absent
            step = Do(f"s-{policy.policy}-{policy.deadline}")
            assert (await one(b, step, offline=policy)).status is status

    bench(tmp_path, scenario)


def test_resume_skips_what_is_done_and_tries_again_what_failed(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        good, poor = Do("good"), Do("poor", lambda ctx: bad() if ctx.attempt == 1 else ok())
        task = Task("t", (good, poor))
        assert not (await task.run(b.running())).ok
        await b.end("failed")
        ran = await task.run(b.running(await b.past()))
        assert ran.ok and [r.attempt for r in ran.results] == [1, 2]
        assert good.calls == [("a", 1)] and poor.calls == [("a", 1), ("a", 2)]

    bench(tmp_path, scenario)


def test_resume_asks_again_for_the_attempt_in_flight(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        started = NewEvent("attempt.started", "s", "a", {"n": 1})
        await b.journal.commit(RUN, 1, [started])
        interrupted = NewEvent("run.finished", data={"status": "interrupted"})
        await b.journal.commit(RUN, 1, [interrupted])
        step = Do("s")
        ran = await Task("t", (step,)).run(b.running(await b.past()))
        assert step.calls == [("a", 1)] and ran.ok
        assert (await b.types()).count("attempt.started") == 1

    bench(tmp_path, scenario)


def test_resume_of_an_attempt_that_was_lost_starts_a_new_one(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await b.journal.commit(RUN, 1, [NewEvent("attempt.started", "s", "a", {"n": 1})])
        interrupted = NewEvent("run.finished", data={"status": "interrupted"})
        await b.journal.commit(RUN, 1, [interrupted])

        def lost_first(ctx: Context) -> Outcome:
            return bad("lost", ended_by="lost") if ctx.attempt == 1 else ok()

        step = Do("s", lost_first)
        ran = await Task("t", (step,)).run(b.running(await b.past()))
        assert ran.ok and step.calls == [("a", 1), ("a", 2)]

    bench(tmp_path, scenario)


def test_a_cancel_of_an_earlier_life_is_no_result_of_this_one(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await b.journal.commit(RUN, 1, [NewEvent("attempt.started", "s", "a", {"n": 1})])
        await b.journal.commit(RUN, 1, [NewEvent("run.finished", data={"status": "interrupted"})])

        def canceled_first(ctx: Context) -> Outcome:
            canceled = Outcome(Status.CANCELED, message="canceled", ended_by="cancel")
            return canceled if ctx.attempt == 1 else ok()

        step = Do("s", canceled_first)
        ran = await Task("t", (step,)).run(b.running(await b.past()))
        assert ran.ok and step.calls == [("a", 1), ("a", 2)]

    bench(tmp_path, scenario)


def test_each_life_checks_anew(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        checks: list[str] = []

        def check(ctx: Context) -> bool:
            checks.append(ctx.attempt_id("s~check"))
            return len(checks) > 1

        task = Task("t", (Do("s", lambda ctx: bad(), check=check),))
        assert not (await task.run(b.running())).ok
        await b.end("failed")
        ran = await task.run(b.running(await b.past()))
        assert ran.results[0].status is Status.SKIPPED
        assert len(set(checks)) == 2, "the host would answer the second with the first one's exit"

    bench(tmp_path, scenario)


def test_a_host_that_cannot_be_opened_is_a_failed_result(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        del b.ways["a"]
        result = await one(b, Do("s"))
        assert result.status is Status.ERROR and "KeyError" in result.outcome.message

    bench(tmp_path, scenario)


def test_resume_does_not_repeat_what_must_not_be_repeated(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await b.journal.commit(RUN, 1, [NewEvent("attempt.started", "s", "a", {"n": 1})])
        interrupted = NewEvent("run.finished", data={"status": "interrupted"})
        await b.journal.commit(RUN, 1, [interrupted])
        step = Do("s", repeatable=False)
        ran = await Task("t", (step,)).run(b.running(await b.past()))
        assert step.calls == []
        error = ran.results[0].outcome.error
        assert error is not None and error["code"] == "INTERRUPTED"

    bench(tmp_path, scenario)


def test_cancel_ends_a_pause_between_tries(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        policy = Policy(retry=Retry(attempts=5, delay=60))
        step = Do("s", lambda ctx: bad(), policy=policy)
        work = asyncio.ensure_future(one(b, step))
        while "retry.scheduled" not in await b.types():
            await asyncio.sleep(0.005)
        b.halt.request("enough")
        assert (await work).status is Status.FAILED
        assert len(step.calls) == 1

    bench(tmp_path, scenario)


class Busy(Way):
    """A host that knows what is in `known`, and does as it is told."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.ended: list[tuple[str, float]] = []

    async def exec(self, work: Exec) -> Exit:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            self.ended.append((work.attempt, work.grace))
        return Exit(None, 15, "cancel")


def test_an_intent_tells_as_whom_and_with_which_grace(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await one(b, Do("s", policy=Policy(become="web", grace=3.0)))
        started = [e for e in await b.journal.events(RUN) if e.type == "attempt.started"]
        assert [e.data for e in started] == [{"n": 1, "grace": 3.0, "become": "web"}]

    bench(tmp_path, scenario)


def test_a_check_at_the_host_is_journaled_before_it_begins(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s", check=lambda ctx: ctx.attempt == b.epoch, checks_at_host=True)
        assert (await one(b, step)).status is Status.SKIPPED
        await b.settle()
        types = await b.types()
        assert types.index("check.started") < types.index("result.reached")
        assert "attempt.started" not in types

    bench(tmp_path, scenario)


@pytest.mark.parametrize("knows", [True, False])
def test_a_check_of_an_earlier_life_is_ended_before_the_next_one(
    tmp_path: Path, knows: bool
) -> None:
    async def scenario(b: Bench) -> None:
        way = Busy("a")
        b.ways = {"a": way}
        left = Flying("s", "a", 1, grace=3.0, check=True)
        if knows:
            way.known.add(left.id(RUN))

        def check(ctx: Context) -> bool:
            assert len(way.ended) == knows
            return True

        await b.past()
        run = b.running()
        ledger = Ledger(b.journal, RUN, b.epoch, checks=[left])
        await Task("t", (Do("s", check=check, checks_at_host=True),)).run(
            replace(run, ledger=ledger)
        )
        assert way.ended == ([(f"{RUN}/s~check/a/1", 3.0)] if knows else [])
        checks = [e.data["n"] for e in await b.journal.events(RUN) if e.type == "check.started"]
        assert checks == [2]

    bench(tmp_path, scenario)
