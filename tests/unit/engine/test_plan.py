from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runyard.engine.context import Context
from runyard.engine.module import Module
from runyard.engine.pipeline import Pipeline
from runyard.engine.plan import Plan, make_plan
from runyard.engine.policy import Fan, Policy
from runyard.engine.task import Task
from runyard.expr.when import compile_when
from runyard.model.errors import RunyardError
from runyard.model.progress import Progress
from tests.unit.engine.support import Bench, Do, bench

KEY = b"k" * 32


def pipeline() -> Pipeline:
    steps = [
        Do("done", check=lambda ctx: ctx.host.name == "a"),
        Do("off", policy=Policy(when=compile_when('${MODE} == "x"'))),
        Do("later", policy=Policy(when=compile_when("${EXPORTED} > 1"))),
        Do("broken", policy=Policy(when=compile_when("${MODE} > 1"))),
    ]
    tasks = [Task(step.name, (step,)) for step in steps]
    tasks.append(Task("once", (Do("once"),), fan=Fan(run_once=True)))
    last = Task("last", (Do("finally:last"),), targets=("b",))
    off = Module("disabled", (Task("t", (Do("never"),)),), enabled=False)
    return Pipeline("p", (Module("m", tuple(tasks)), off), finally_=(last,))


def test_every_step_on_every_host_is_decided_and_says_why(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        plan = await make_plan(pipeline(), b.running(cli={"MODE": "y"}), "d", KEY)
        rows = {(r.step, r.host): (r.decision, r.why) for r in plan.rows}
        assert rows["done", "a"] == ("done", "check: already done")
        assert rows["done", "b"][0] == "run"
        assert rows["off", "a"][0] == "skip"
        assert rows["later", "b"][0] == "unknown" and "EXPORTED" in rows["later", "b"][1]
        assert rows["broken", "a"][0] == "unknown"
        assert ("once", "a") in rows and ("once", "b") not in rows
        assert rows["never", "a"] == ("skip", "module is not enabled")
        assert rows["finally:last", "b"] == ("run", "always")
        blind = await make_plan(pipeline(), b.running(cli={"MODE": "y"}), "d", KEY, checks=False)
        assert {r.decision for r in blind.rows if r.step == "done"} == {"run"}

    bench(tmp_path, scenario, ["a", "b"])


def test_a_host_that_cannot_be_reached_is_unknown(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.ways["a"].absent = 99
        plan = await make_plan(pipeline(), b.running(cli={"MODE": "y"}), "d", KEY)
        row = next(r for r in plan.rows if (r.step, r.host) == ("done", "a"))
        assert row.decision == "unknown" and "not there" in row.why

    bench(tmp_path, scenario, ["a", "b"])


def test_a_host_that_cannot_be_reached_is_asked_once_for_all_steps(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.ways["a"].absent = 99
        progress = Progress()
        fact = Do("fact", policy=Policy(when=compile_when('${facts.os} == "linux"')))
        steps = (Do("one"), Do("two"), fact)
        made = Pipeline("p", (Module("m", tuple(Task(s.name, (s,)) for s in steps)),))
        plan = await make_plan(made, b.running(), "d", KEY, progress=progress)
        assert [r.decision for r in plan.rows if r.host == "a"] == ["unknown"] * 3
        assert b.ways["a"].absent == 98
        assert (progress.done, progress.total, progress.waiting) == (6, 6, {})

    bench(tmp_path, scenario, ["a", "b"])


def test_hosts_of_a_task_are_asked_at_once_and_told_in_order(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        everybody, progress = asyncio.Barrier(3), Progress()
        seen: list[list[str]] = []

        class Meet(Do):
            async def check(self, ctx: Context) -> bool:
                seen.append(sorted(progress.waiting))
                await everybody.wait()
                return ctx.host.name == "b"

        made = Pipeline("p", (Module("m", (Task("meet", (Meet("meet"),)),)),))
        plan = await make_plan(made, b.running(), "d", KEY, progress=progress)
        assert [(r.host, r.decision) for r in plan.rows] == [
            ("a", "run"),
            ("b", "done"),
            ("c", "run"),
        ]
        assert seen[-1] == ["a", "b", "c"]

    bench(tmp_path, scenario, ["a", "b", "c"])


def test_facts_are_asked_for_only_where_a_condition_wants_them(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.ways["c"].absent = 99
        steps = (
            Do("linux", policy=Policy(when=compile_when('${facts.os} == "linux"'))),
            Do("only a", policy=Policy(when=compile_when('${facts.hostname} == "a"'))),
        )
        made = Pipeline("p", (Module("m", tuple(Task(s.name, (s,)) for s in steps)),))
        plan = await make_plan(made, b.running(), "d", KEY)
        rows = {(r.step, r.host): r.decision for r in plan.rows}
        assert rows == {
            ("linux", "a"): "run", ("linux", "b"): "run", ("linux", "c"): "unknown",
            ("only a", "a"): "run", ("only a", "b"): "skip", ("only a", "c"): "unknown",
        }  # fmt: skip
        blind = await make_plan(made, b.running(), "d", KEY, checks=False)
        assert {(r.decision, r.why) for r in blind.rows if r.step == "linux"} == {
            ("unknown", "when depends on facts.os: no host is asked")
        }

    bench(tmp_path, scenario, ["a", "b", "c"])


def test_equal_plans_have_equal_digests_and_differences_are_named(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        one = await make_plan(pipeline(), b.running(cli={"MODE": "y"}), "d", KEY)
        same = await make_plan(pipeline(), b.running(cli={"MODE": "y"}), "d", KEY)
        other = await make_plan(pipeline(), b.running(cli={"MODE": "x"}), "d", KEY)
        assert one.digest == same.digest and one.diff(same) == []
        assert one.digest != other.digest
        paths = " ".join(one.diff(other))
        assert "variables.a.MODE: y → x" in paths and "off on a" in paths

    bench(tmp_path, scenario, ["a", "b"])


def test_a_plan_file_is_read_back_and_a_changed_one_refused(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        plan = await make_plan(pipeline(), b.running(cli={"MODE": "y"}), "d", KEY)
        data = plan.to_dict()
        assert Plan.from_dict(data).digest == plan.digest
        with pytest.raises(RunyardError) as changed:
            Plan.from_dict({**data, "workflow": "another"})
        assert changed.value.code == "PLAN_FILE"
        with pytest.raises(RunyardError):
            Plan.from_dict({"digest": plan.digest})

    bench(tmp_path, scenario, ["a", "b"])
