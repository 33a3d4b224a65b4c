"""How a task spreads over its hosts: for any hosts, batches, bounds and failures."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runyard.engine.context import Context
from runyard.engine.policy import Fan
from runyard.engine.running import Ran
from runyard.engine.task import Task
from runyard.hosts.dummy import Answer, DummyConnector
from runyard.model.execution import Exec
from runyard.model.result import Outcome
from runyard.model.status import Status
from tests.unit.engine.support import Bench, Do, Way, bad, bench, ok

SHARES = st.one_of(st.integers(1, 5), st.integers(1, 100).map(lambda n: f"{n}%"))
FANS = st.builds(
    Fan,
    concurrency=st.integers(1, 5),
    serial=st.lists(SHARES, max_size=3).map(tuple),
    max_failures=st.none() | st.integers(0, 4),
    fail_fast=st.booleans(),
    run_once=st.booleans(),
)


class Case(NamedTuple):
    """Names of hosts, who fails there, and how long (in turns of the loop) each takes."""

    hosts: list[str]
    bad: set[str]
    turns: dict[str, int]
    fan: Fan


@st.composite
def cases(draw: st.DrawFn) -> Case:
    hosts = [f"h{n}" for n in range(draw(st.integers(1, 14)))]
    turns = draw(st.lists(st.integers(0, 6), min_size=len(hosts), max_size=len(hosts)))
    failing = draw(st.sets(st.sampled_from(hosts)))
    return Case(hosts, failing, dict(zip(hosts, turns, strict=True)), draw(FANS))


class Log:
    """What happened, in order: who started (the engine asked for the way there), who ended."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.told: list[tuple[str, str]] = []

    async def work(self, ctx: Context) -> Outcome:
        host = ctx.host.name
        try:
            for _ in range(self.case.turns[host]):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.told.append(("cancel", host))
            raise
        failed = host in self.case.bad
        self.told.append(("fail" if failed else "end", host))
        return bad() if failed else ok()

    def ways(self, ways: dict[str, Way]) -> dict[str, Way]:
        told = self.told

        class Ways(dict[str, Way]):
            def __getitem__(self, host: str) -> Way:
                told.append(("start", host))
                return super().__getitem__(host)

        return Ways(ways)

    def before(self, host: str) -> list[tuple[str, str]]:
        return self.told[: self.told.index(("start", host))]

    @property
    def started(self) -> list[str]:
        return [host for what, host in self.told if what == "start"]


def batches(hosts: Sequence[str], fan: Fan) -> list[list[str]]:
    """The batches in the words of the contract, written down a second time."""
    found, left = [], list(hosts)
    while left:
        if not fan.serial:
            size = len(hosts)
        else:
            share = fan.serial[min(len(found), len(fan.serial) - 1)]
            size = share if isinstance(share, int) else len(hosts) * int(share[:-1]) // 100
        found.append(left[: max(1, size)])
        left = left[max(1, size) :]
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_the_hosts_that_start_obey_the_contract(
    tmp_path_factory: pytest.TempPathFactory, case: Case
) -> None:
    log = Log(case)

    async def scenario(b: Bench) -> None:
        b.ways = log.ways(b.ways)
        ran = await Task("t", (Do("s", log.work),), fan=case.fan).run(b.running())
        check(case, log, ran)

    bench(tmp_path_factory.getbasetemp() / "fan", scenario, case.hosts)


def check(case: Case, log: Log, ran: Ran) -> None:
    fan, started = case.fan, log.started
    hosts = case.hosts[:1] if fan.run_once else case.hosts
    bound = fan.max_failures
    if bound is None:
        bound = 0 if fan.serial else len(case.hosts)
    # Nobody starts twice, nobody is left out between two who start, results are in their order.
    assert started == hosts[: len(started)]
    assert [result.host for result in ran.results] == started
    for number, batch in enumerate(batches(hosts, fan)):
        for host in batch:
            if host not in started:
                continue
            before = log.before(host)
            ended = [h for what, h in before if what != "start"]
            failed = [h for what, h in before if what == "fail"]
            assert len(failed) <= bound, "started after too many failures"
            assert not (fan.fail_fast and failed), "started after the first failure"
            assert len(before) - 2 * len(ended) < fan.concurrency, "too many at once"
            earlier = {h for each in batches(hosts, fan)[:number] for h in each}
            assert earlier <= set(ended), "a batch began before the one before had ended"
    failures = [result for result in ran.results if result.status is Status.FAILED]
    if len(started) < len(hosts):
        assert len(failures) > bound or fan.fail_fast, "stopped without a reason"
    assert bool(ran.error) is bool(failures)
    canceled = {result.host for result in ran.results if result.status is Status.CANCELED}
    assert not canceled or (fan.fail_fast and failures)
    assert not ran.canceled


@pytest.mark.parametrize("stubborn", [False, True])
def test_fail_fast_waits_for_nobody_and_leaves_nobody(tmp_path: Path, stubborn: bool) -> None:
    """Siblings that would take for ever are ended at their hosts, and their results are true."""

    async def scenario(b: Bench) -> None:
        way = DummyConnector()
        way.script("*", Answer(delay=float("inf"), stubborn=stubborn))

        async def work(ctx: Context) -> Outcome:
            if ctx.host.name == "h0":
                await asyncio.sleep(0.01)
                return bad()
            end = await way.exec(Exec(f"run/{ctx.host.name}", ("sleep", "inf"), grace=0.01))
            assert end.ended_by == "cancel"
            return Outcome(Status.CANCELED, message="ended there")

        task = Task("t", (Do("s", work),), fan=Fan(concurrency=50, fail_fast=True))
        async with asyncio.timeout(30):
            ran = await task.run(b.running())
        assert [r.host for r in ran.results] == [f"h{n}" for n in range(50)]
        assert [r.status for r in ran.results[1:]] == [Status.CANCELED] * 49
        assert {r.outcome.message for r in ran.results[1:]} == {"ended there"}
        assert len(way.started) == 49

    bench(tmp_path, scenario, [f"h{n}" for n in range(60)])


def calls(tmp: Path, hosts: int) -> int:
    """Function calls that a task with three steps makes on so many hosts."""
    made = 0

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal made
        made += event == "call"

    async def scenario(b: Bench) -> None:
        steps = tuple(Do(f"s{n}", lambda ctx: ok(exports={"K": ctx.host.name})) for n in range(3))
        tasks = [Task(s.name, (s,), fan=Fan(concurrency=hosts // 2)) for s in steps]
        run = b.running()
        sys.setprofile(count)
        try:
            for task in tasks:
                await task.run(run)
        finally:
            sys.setprofile(None)

    bench(tmp, scenario, [f"h{n}" for n in range(hosts)])
    return made


def test_work_grows_with_the_hosts_and_no_faster(tmp_path: Path) -> None:
    calls(tmp_path, 50)  # what is done once
    few, many = calls(tmp_path, 200), calls(tmp_path, 800)
    assert many < 5 * few
