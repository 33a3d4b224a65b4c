from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runyard.engine.context import Context
from runyard.engine.mailbox import Decision
from runyard.engine.module import Module
from runyard.engine.pipeline import Pipeline
from runyard.engine.policy import Approval, Fan, Policy
from runyard.engine.running import Running
from runyard.engine.task import Task
from runyard.expr.when import compile_when
from runyard.model.errors import UsageError
from runyard.model.event import NewEvent
from runyard.model.result import Outcome
from runyard.model.status import Status
from tests.unit.engine.support import RUN, Bench, Do, bad, bench, ok


def line(*tasks: Task, **more) -> Pipeline:  # type: ignore[no-untyped-def]
    return Pipeline("p", (Module("m", tasks),), **more)


def task(step: Do, **more) -> Task:  # type: ignore[no-untyped-def]
    return Task(step.name, (step,), **more)


def test_the_first_error_keeps_later_tasks_and_modules_from_starting(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        never = Do("never")
        second = Module("n", (task(Do("other")),))
        first = Module("m", (task(Do("bad", lambda ctx: bad())), task(never)))
        ran = await Pipeline("p", (first, second)).run(b.running())
        assert [r.step for r in ran.results] == ["bad"]
        assert ran.error == 'step "bad" on a: exit code 1'

    bench(tmp_path, scenario)


def test_what_was_to_come_is_named_when_the_run_ends_early(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        off = Module("off", (task(Do("unwanted")),), enabled=False)
        first = Module("m", (task(Do("bad", lambda ctx: bad())), task(Do("never"))))
        then = Module("n", (task(Do("once"), fan=Fan(run_once=True)),))
        work = Pipeline("p", (off, first, then), finally_=(task(Do("finally:tidy")),))
        await work.run(b.running())
        await b.settle()
        left = [e for e in await b.journal.events(RUN) if e.type == "step.left"]
        assert [(e.step, e.data["hosts"], e.data["index"]) for e in left] == [
            ("never", ["a", "b"], 3),
            ("once", ["a"], 4),
        ]
        await b.end("failed")
        steps = (await b.journal.get(RUN)).steps
        assert [step.name for step in steps] == ["bad", "never", "once", "finally:tidy"]
        assert {host.status for host in steps[1].hosts.values()} == {Status.QUEUED}

    bench(tmp_path, scenario, ["a", "b"])


def test_who_stands_in_for_a_step_is_told_of_beside_it(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        instead = Do("b-instead")
        steps = Do("z", lambda ctx: bad(), fallback=instead), Do("a-last")
        await line(Task("t", steps)).run(b.running())
        await b.settle()
        begun = [e for e in await b.journal.events(RUN) if e.type == "step.started"]
        assert {e.step: (e.data["index"], e.data["total"]) for e in begun} == {
            "z": (1, 2),
            "b-instead": (1, 2),
            "a-last": (2, 2),
        }
        names = [step.name for step in (await b.journal.get(RUN)).steps]
        assert names == ["z", "b-instead", "a-last"]

    bench(tmp_path, scenario)


def test_nothing_is_left_of_a_run_that_went_well(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await line(task(Do("one")), handlers=(Do("handler:h"),)).run(b.running())
        await b.settle()
        assert "step.left" not in await b.types()

    bench(tmp_path, scenario)


def test_ignore_error_goes_on(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        ran = await line(
            task(Do("bad", lambda ctx: bad()), ignore_error=True), task(Do("next"))
        ).run(b.running())
        assert ran.ok and [r.step for r in ran.results] == ["bad", "next"]

    bench(tmp_path, scenario)


def test_dependencies_let_branches_run_at_once_and_keep_document_order(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        log: list[str] = []

        def step(name: str, seconds: float) -> Do:
            async def work(ctx: Context) -> Outcome:
                log.append(f"+{name}")
                await asyncio.sleep(seconds)
                log.append(f"-{name}")
                return ok()

            return Do(name, work)

        ran = await line(
            task(step("root", 0)),
            task(step("slow", 0.05), after=("root",)),
            task(step("quick", 0), after=("root",)),
            task(step("join", 0), after=("slow", "quick")),
        ).run(b.running())
        assert [r.step for r in ran.results] == ["root", "slow", "quick", "join"]
        assert log.index("+quick") < log.index("-slow") < log.index("+join")

    bench(tmp_path, scenario)


def test_handlers_run_once_at_the_end_where_something_changed(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        handler = Do("restart")
        notify = Policy(notify=("restart",))
        steps = [
            Do("one", lambda ctx: ok(changed=ctx.host.name == "b"), policy=notify),
            Do("two", lambda ctx: ok(changed=ctx.host.name == "b"), policy=notify),
        ]
        ran = await line(*map(task, steps), handlers=(handler,)).run(b.running())
        assert handler.calls == [("b", 1)]
        assert ran.results[-1].step == "restart"

    bench(tmp_path, scenario, ["a", "b"])


def test_finally_runs_after_success_failure_and_cancel(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        last = Do("last")
        assert not (
            await line(task(Do("x", lambda c: bad())), finally_=(task(last),)).run(b.running())
        ).ok
        assert last.calls == [("a", 1)]

        async def forever(ctx: Context) -> Outcome:
            b.halt.request("stop")
            await asyncio.sleep(60)
            return ok()

        again = Do("again")
        ran = await line(task(Do("y", forever)), finally_=(task(again),)).run(b.running())
        assert ran.canceled and again.calls == [("a", 1)]
        assert [r.status.value for r in ran.results] == ["canceled", "success"]

    bench(tmp_path, scenario)


def test_a_kill_stops_finally_as_well(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.kill.request("killed")
        last = Do("last")
        ran = await line(task(Do("x")), finally_=(task(last),)).run(b.running())
        assert ran.canceled and last.calls == []

    bench(tmp_path, scenario)


def test_rollback_undoes_what_changed_in_reverse_order(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        log: list[str] = []

        def undoing(name: str) -> Do:
            def work(ctx: Context) -> Outcome:
                log.append(f"{name}@{ctx.host.name}")
                return ok()

            return Do(f"rollback:{name}", work)

        steps = [
            Do("one", undo=undoing("one")),
            Do("same", lambda ctx: ok(changed=False), undo=undoing("same")),
            Do("two", undo=undoing("two")),
            Do("boom", lambda ctx: bad(changed=False), undo=undoing("boom")),
        ]
        ran = await line(*map(task, steps), on_failure="rollback").run(b.running())
        assert log == ["two@a", "one@a"]
        assert ran.error == 'step "boom" on a: exit code 1'
        types = await b.types()
        assert types.index("rollback.started") < types.index("rollback.finished")

    bench(tmp_path, scenario)


def test_what_was_rolled_back_is_done_again_by_a_resume(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        one = Do("one", undo=Do("rollback:one"))
        boom = Do("boom", lambda ctx: bad() if ctx.attempt == 1 else ok())
        pipeline = line(task(one), task(boom), on_failure="rollback")
        await pipeline.run(b.running())
        await b.end("failed")
        ran = await pipeline.run(b.running(await b.past()))
        assert ran.ok and one.calls == [("a", 1), ("a", 2)]

    bench(tmp_path, scenario)


def test_a_rollback_in_flight_is_finished_before_its_step_is_done_again(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        log: list[str] = []

        def note(word: str) -> Do:
            def work(ctx: Context) -> Outcome:
                log.append(f"{word}/{ctx.attempt}")
                return ok(changed=True)

            return Do(word, work)

        one = note("one")
        one._undo = note("rollback:one")
        boom = Do("boom", lambda ctx: bad())
        pipeline = line(task(one), task(boom), on_failure="rollback")
        await line(task(one), task(boom)).run(b.running())
        await b.settle()
        begun = NewEvent("attempt.started", "rollback:one", "a", {"n": 1})
        await b.journal.commit(RUN, 1, [begun])
        await b.end("interrupted")
        await pipeline.run(b.running(await b.past()))
        # Joined again, the step once more, and then undone by an attempt of its own.
        assert log == ["one/1", "rollback:one/1", "one/2", "rollback:one/2"]

    bench(tmp_path, scenario)


def test_hooks(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        log: list[str] = []

        async def fail(run: Running) -> None:
            raise RuntimeError("no")

        async def note(run: Running) -> None:
            log.append("post")

        step = Do("s")
        module = Module("m", (task(step),), pre_run=fail, post_run=note)
        ran = await Pipeline("p", (module,)).run(b.running())
        assert "pre_run of m" in ran.error and step.calls == [] and log == ["post"]
        failing = Module("n", (task(Do("x", lambda c: bad("first"))),), post_run=fail)
        ran = await Pipeline("p", (failing,)).run(b.running())
        assert "first" in ran.error
        late = await Pipeline("p", (Module("o", (task(Do("z")),), post_run=fail),)).run(b.running())
        assert "post_run of o" in late.error

    bench(tmp_path, scenario)


def test_a_module_that_is_not_enabled_is_left_out(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s")
        module = Module("m", (task(step),), enabled=compile_when("${GO} == 1"))
        assert (await Pipeline("p", (module,)).run(b.running())).results == ()
        await Pipeline("p", (module,)).run(b.running(cli={"GO": "1"}))
        assert step.calls == [("a", 1)]

    bench(tmp_path, scenario)


def test_a_module_that_cannot_tell_whether_it_is_enabled_fails_and_finally_runs(
    tmp_path: Path,
) -> None:
    async def scenario(b: Bench) -> None:
        last, module = Do("finally:last"), Module("m", (task(Do("one")),), compile_when("${X} > 3"))
        pipeline = Pipeline("p", (module,), finally_=(task(last),))
        ran = await pipeline.run(b.running(cli={"X": "abc"}))
        assert ran.error.startswith("module m: cannot compare") and len(last.calls) == 1

    bench(tmp_path, scenario)


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ((task(Do("a"), after=("nope",)),), 'task "a" waits for what never ends: nope'),
        ((task(Do("a"), after=("b",)), task(Do("b"))), "never ends: b"),
        ((task(Do("a")), task(Do("a"))), 'two tasks named "a"'),
        ((Task("a", (Do("x"),)), Task("b", (Do("x"),))), 'two steps with the key "x"'),
    ],
)
def test_what_would_be_left_out_silently_is_refused(tasks: tuple[Task, ...], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        line(*tasks)


def test_an_approval_is_asked_once_and_waits_for_who_may_decide(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s")
        asked = task(step, approval=Approval("sure?", approvers=("ann",)))
        work = asyncio.ensure_future(line(asked).run(b.running()))
        while "approval.requested" not in await b.types():
            await asyncio.sleep(0.002)
        await b.mailbox.post_decision("s", Decision(True, by="bob"))
        await b.mailbox.post_decision("s", Decision(True, by="ann"))
        assert (await work).ok
        assert len(step.calls) == 2
        assert (await b.types()).count("approval.requested") == 1
        assert "warning.raised" in await b.types()

    bench(tmp_path, scenario, ["a", "b"])


def test_a_rejection_and_a_silence_fail_every_host(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s")
        await b.mailbox.post_decision("", Decision(False, by="ann", comment="not today"))
        ran = await line(task(step, approval=Approval())).run(b.running())
        assert step.calls == [] and len(ran.results) == 2
        assert "rejected by ann: not today" in ran.error
        quiet = Do("q")
        ran = await line(task(quiet, approval=Approval(timeout=0.01))).run(b.running())
        assert ran.results[0].status.value == "timeout" and quiet.calls == []

    bench(tmp_path, scenario, ["a", "b"])


def test_an_approval_of_the_whole_run_comes_before_anything(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = Do("s")
        await b.mailbox.post_decision("plan", Decision(False, by="ann"))
        ran = await line(task(step), approval=Approval("start?")).run(b.running())
        assert step.calls == [] and "rejected" in ran.error

    bench(tmp_path, scenario)


def test_two_thousand_tasks_in_a_row_take_linear_bookkeeping(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        steps = [Do(f"s{n}") for n in range(2000)]
        ran = await line(*map(task, steps)).run(b.running())
        assert [r.step for r in ran.results] == [s.name for s in steps]

    bench(tmp_path, scenario)
