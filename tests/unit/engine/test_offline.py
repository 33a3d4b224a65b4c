"""Hosts that cannot be reached: waited for, failed, left out; lost while they work for us."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runyard.engine import offline
from runyard.engine.context import Context
from runyard.engine.policy import Fan, Offline, Policy
from runyard.engine.retry import Retry
from runyard.engine.task import Task
from runyard.hosts.inventory import Group, Host, Inventory
from runyard.model.errors import HostLost, NetworkError, SystemFault
from runyard.model.event import NewEvent
from runyard.model.result import Outcome
from runyard.model.status import Status
from tests.unit.engine.support import RUN, Bench, Do, bench, ok

ALWAYS = 1 << 30


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(offline, "_LONGEST_PAUSE", 0.01)


async def warnings(b: Bench) -> list[tuple[str, str, str]]:
    await b.settle()
    return [
        (event.host, event.data["code"], event.data["message"])
        for event in await b.journal.events(RUN)
        if event.type == "warning.raised"
    ]


def test_waiting_says_for_whom_and_that_it_came_back(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.ways["a"].absent = 3
        ran = await Task("t", (Do("s"),)).run(b.running(offline=Offline("wait", deadline=600.0)))
        assert ran.ok
        first, second = await warnings(b)
        assert first == ("a", "OFFLINE", "waiting up to 10m00s for a: a is not there")
        assert second[:2] == ("a", "ONLINE") and second[2].startswith("a is back after ")

    bench(tmp_path, scenario)


def test_a_host_that_is_waited_for_keeps_nobody_from_working(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.ways["a"].absent = ALWAYS

        def work(ctx: Context) -> Outcome:
            if ctx.host.name == "c":
                b.ways["a"].absent = 0
            return ok()

        task = Task("t", (Do("s", work),), fan=Fan(concurrency=1))
        ran = await task.run(b.running(offline=Offline("wait")))
        assert [r.host for r in ran.results] == ["a", "b", "c"] and ran.ok

    bench(tmp_path, scenario, ["a", "b", "c"])


def test_time_in_the_queue_counts_against_the_deadline(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.ways["b"].absent = ALWAYS

        async def slow(ctx: Context) -> Outcome:
            await asyncio.sleep(0.2)
            return ok()

        task = Task("t", (Do("s", slow),), fan=Fan(concurrency=1))
        ran = await task.run(b.running(offline=Offline("wait", deadline=0.1)))
        assert [r.status for r in ran.results] == [Status.SUCCESS, Status.ERROR]
        assert ran.results[1].outcome.message == "b did not come within 0.10s: b is not there"
        assert await warnings(b) == []

    bench(tmp_path, scenario, ["a", "b"])


def test_the_deadline_of_a_later_step_is_its_own(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        async def slow_then_away(ctx: Context) -> Outcome:
            await asyncio.sleep(0.2)
            b.ways["a"].absent = 3
            return ok()

        task = Task("t", (Do("one", slow_then_away), Do("two")))
        assert (await task.run(b.running(offline=Offline("wait", deadline=0.15)))).ok

    bench(tmp_path, scenario)


def test_skip_leaves_the_host_out_of_all_that_follows(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.ways["a"].absent = 1  # it would be there for the second step
        first, second = Do("one"), Do("two")
        run = b.running(offline=Offline("skip"))
        ran = await Task("t", (first, second)).run(run)
        later = await Task("u", (Do("three"),)).run(run)
        assert [r.status.value for r in ran.results] == ["skipped", "skipped", "success", "success"]
        assert ran.results[1].outcome.message == "offline: a is not there"
        assert [r.status.value for r in later.results] == ["skipped", "success"]
        assert second.calls == [("b", 1)]
        said = await warnings(b)
        assert said == [("a", "OFFLINE", "the run goes on without a: a is not there")]

    bench(tmp_path, scenario, ["a", "b"])


def test_a_host_that_was_there_is_looked_for_whatever_the_policy(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        def away(ctx: Context) -> Outcome:
            b.ways["a"].absent = 3
            return ok()

        for policy in ("fail", "skip"):
            task = Task("t", (Do(f"{policy}-1", away), Do(f"{policy}-2")))
            ran = await task.run(b.running(offline=Offline(policy)))
            assert [r.status for r in ran.results] == [Status.SUCCESS] * 2

    bench(tmp_path, scenario)


def test_what_trying_again_would_not_help_is_no_absence(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        async def refuse() -> None:
            raise NetworkError("its certificate is not trusted", code="TLS", retryable=False)

        b.ways["a"].connect = refuse  # type: ignore[method-assign]
        for policy in ("wait", "skip", "fail"):
            task = Task("t", (Do(f"s-{policy}"),))
            ran = await task.run(b.running(offline=Offline(policy)))
            assert ran.results[0].status is Status.ERROR

    bench(tmp_path, scenario)


def test_a_step_has_a_policy_of_its_own(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.ways["a"].absent = 1
        task = Task("t", (Do("s", policy=Policy(offline=Offline("skip"))),))
        ran = await task.run(b.running(offline=Offline("fail")))
        assert ran.results[0].status is Status.SKIPPED

    bench(tmp_path, scenario)


def test_a_host_has_a_policy_of_its_own_and_a_step_a_stronger_one(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.inventory = Inventory.of(
            [Host("a", options={"offline": "skip"}), Host("b"), Host("c")],
            [Group("g", ("b",), options={"offline": {"policy": "wait", "lease": "5m"}})],
        )
        leases = {}

        def work(ctx: Context) -> Outcome:
            leases[ctx.host.name] = ctx.offline_by(Policy()).lease
            return ok()

        for way in b.ways.values():
            way.absent = 1
        run = b.running(offline=Offline("fail", lease=7.0))
        ran = await Task("t", (Do("s", work),)).run(run)
        assert [r.status.value for r in ran.results] == ["skipped", "success", "error"]
        b.ways["b"].absent = 1
        b.run.fleet.met.clear()
        stronger = Do("u", policy=Policy(offline=Offline("fail")))
        ran = await Task("v", (stronger, Do("w", work))).run(run)
        assert [r.status.value for r in ran.results][-3:] == ["error", "success", "success"]
        assert leases == {"b": 300.0, "c": 7.0}

    bench(tmp_path, scenario, ["a", "b", "c"])


def test_a_deadline_bounds_the_first_connection_as_well(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        async def hang() -> None:
            await asyncio.Event().wait()

        b.ways["a"].connect = hang  # type: ignore[method-assign]
        ran = await Task("t", (Do("s"),)).run(b.running(offline=Offline("wait", deadline=0.2)))
        assert ran.results[0].status is Status.ERROR
        assert ran.results[0].outcome.message.startswith("a did not come within 0.20s: ")
        said = ("a", "OFFLINE", "waiting up to 0.20s for a: it has not answered so far")
        assert await warnings(b) == [said]

    bench(tmp_path, scenario)


def test_a_host_that_does_not_answer_keeps_nobody_from_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "_SOON", 0.01)

    async def scenario(b: Bench) -> None:
        there = asyncio.Event()
        b.ways["a"].connect = there.wait  # type: ignore[method-assign,assignment]

        def work(ctx: Context) -> Outcome:
            if ctx.host.name == "c":
                there.set()
            return ok()

        task = Task("t", (Do("s", work),), fan=Fan(concurrency=1))
        ran = await task.run(b.running(offline=Offline("wait")))
        assert [r.host for r in ran.results] == ["a", "b", "c"] and ran.ok

    bench(tmp_path, scenario, ["a", "b", "c"])


def test_a_cancel_ends_a_connection_that_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "_SOON", 0.01)

    async def scenario(b: Bench) -> None:
        left = []

        async def hang() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                left.append(True)

        b.ways["a"].connect = hang  # type: ignore[method-assign]
        run = b.running(offline=Offline("wait"))
        working = asyncio.ensure_future(Task("t", (Do("s"),)).run(run))
        while not await warnings(b):
            await asyncio.sleep(0.01)
        b.halt.request("enough")
        assert (await working).results[0].status is Status.CANCELED
        assert left == [True]

    bench(tmp_path, scenario)


def test_who_has_answered_late_is_said_to_be_there(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        async def slow() -> None:
            while not await warnings(b):
                await asyncio.sleep(0.01)

        b.ways["a"].connect = slow  # type: ignore[method-assign]
        offline_ = Offline("wait", deadline=60.0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(offline, "_SOON", 0.01)
            assert (await Task("t", (Do("s"),)).run(b.running(offline=offline_))).ok
        assert [code for _, code, _ in await warnings(b)] == ["OFFLINE", "ONLINE"]

    bench(tmp_path, scenario)


def test_a_host_that_fails_for_want_of_a_connection_says_what_else_there_is(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.ways["a"].absent = ALWAYS
        ran = await Task("t", (Do("s"),)).run(b.running())
        error = ran.results[0].outcome.error
        assert error is not None and "`offline: skip`" in error["hint"]

    bench(tmp_path, scenario)


def test_who_did_not_come_is_asked_again_by_the_next_step_that_goes_on(tmp_path: Path) -> None:
    """`continue_on_error` bears the absence of a host, and does not leave the host out."""

    async def scenario(b: Bench) -> None:
        b.ways["a"].absent = 1
        borne = Policy(continue_on_error=True)
        ran = await Task("t", (Do("one", policy=borne), Do("two"))).run(b.running())
        assert [r.status for r in ran.results] == [Status.ERROR, Status.SUCCESS]

    bench(tmp_path, scenario)


def test_a_cancel_ends_the_waiting(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.ways["a"].absent = ALWAYS
        task = Task("t", (Do("s"),))
        going = asyncio.ensure_future(task.run(b.running(offline=Offline("wait"))))
        await asyncio.sleep(0.05)
        b.halt.request("enough")
        ran = await going
        assert ran.canceled and ran.results[0].status is Status.CANCELED

    bench(tmp_path, scenario)


def lost_once(b: Bench, absent: int) -> Do:
    """A step whose host is lost in the middle, and is away for the next `absent` tries."""

    def work(ctx: Context) -> Outcome:
        if len(step.calls) == 1:
            b.ways["a"].absent = absent
            raise HostLost("contact with a was lost")
        return ok()

    step = Do("s", work, policy=Policy(retry=Retry(attempts=5, delay=0.001)))
    return step


def test_a_lost_attempt_is_taken_up_when_its_host_is_back(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = lost_once(b, 3)
        ran = await Task("t", (step,)).run(b.running(offline=Offline("wait")))
        assert ran.ok and step.calls == [("a", 1), ("a", 1)]

    bench(tmp_path, scenario)


def test_a_lost_attempt_stays_lost_and_is_no_reason_to_start_another(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = lost_once(b, ALWAYS)
        ran = await Task("t", (step,)).run(b.running(offline=Offline("wait", deadline=0.02)))
        outcome = ran.results[0].outcome
        assert outcome.error is not None and outcome.error["code"] == "HOST_LOST"
        assert "a did not come within 0.02s" in outcome.message
        assert step.calls == [("a", 1)]

    bench(tmp_path, scenario)


def test_a_cancel_that_could_not_be_delivered_says_so(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        step = lost_once(b, ALWAYS)
        going = asyncio.ensure_future(Task("t", (step,)).run(b.running(offline=Offline("wait"))))
        await asyncio.sleep(0.05)
        b.halt.request("enough")
        ran = await going
        outcome = ran.results[0].outcome
        assert ran.canceled and outcome.error is not None
        assert outcome.error["code"] == "HOST_LOST"
        assert "its cancellation could not be delivered" in outcome.message

    bench(tmp_path, scenario)


def test_a_life_that_did_not_reach_the_host_leaves_its_attempt_in_flight(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await b.journal.commit(RUN, 1, [NewEvent("attempt.started", "s", "a", {"n": 1})])
        await b.journal.commit(RUN, 1, [NewEvent("run.finished", data={"status": "interrupted"})])
        step = Do("s")
        b.ways["a"].absent = 1
        ran = await Task("t", (step,)).run(b.running(await b.past()))
        assert ran.results[0].status is Status.ERROR
        await b.end("failed")
        ran = await Task("t", (step,)).run(b.running(await b.past()))
        assert ran.ok and step.calls == [("a", 1)]
        assert (await b.types()).count("attempt.started") == 1

    bench(tmp_path, scenario)


async def fly(b: Bench, attempt: int = 1) -> None:
    """An earlier life has died in the middle of the step."""
    await b.journal.commit(RUN, 1, [NewEvent("attempt.started", "s", "a", {"n": attempt})])
    await b.journal.commit(RUN, 1, [NewEvent("run.finished", data={"status": "interrupted"})])


def cut(ctx: Context) -> Outcome:
    raise NetworkError("a is not there")


RETRIED = Policy(retry=Retry(attempts=5, delay=0.001))


def test_what_may_run_there_is_not_started_anew_when_its_host_cannot_be_asked(
    tmp_path: Path,
) -> None:
    """The link breaks between reaching the host and asking for the attempt of an earlier life."""

    async def scenario(b: Bench) -> None:
        await fly(b)
        step = Do("s", cut, policy=RETRIED)
        ran = await Task("t", (step,)).run(b.running(await b.past()))
        assert step.calls == [("a", 1)] and ran.results[0].outcome.is_lost
        await b.end("failed")
        step = Do("s")
        assert (await Task("t", (step,)).run(b.running(await b.past()))).ok
        assert step.calls == [("a", 1)]

    bench(tmp_path, scenario)


def test_nor_when_the_host_is_lost_a_second_time_at_once(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        def work(ctx: Context) -> Outcome:
            if len(step.calls) == 1:
                raise HostLost("contact with a was lost")
            return cut(ctx) if len(step.calls) < 4 else ok()

        step = Do("s", work, policy=RETRIED)
        ran = await Task("t", (step,)).run(b.running(offline=Offline("wait")))
        assert ran.ok and step.calls == [("a", 1)] * 4

    bench(tmp_path, scenario)


def test_nor_when_it_can_be_reached_and_refuses_us(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        def work(ctx: Context) -> Outcome:
            async def refuse() -> None:
                raise SystemFault("sudo: a password is required", code="BECOME")

            b.ways["a"].connect = refuse  # type: ignore[method-assign]
            raise HostLost("contact with a was lost")

        step = Do("s", work, policy=RETRIED)
        ran = await Task("t", (step,)).run(b.running(offline=Offline("wait")))
        assert step.calls == [("a", 1)] and ran.results[0].outcome.is_lost
        assert "a password is required" in ran.results[0].outcome.message

    bench(tmp_path, scenario)


def test_a_cancel_of_what_nobody_could_ask_for_is_not_taken_for_its_end(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await fly(b)

        async def connecting(ctx: Context) -> Outcome:
            await asyncio.sleep(60)
            return ok()

        step = Do("s", connecting)
        going = asyncio.ensure_future(Task("t", (step,)).run(b.running(await b.past())))
        while not step.calls:
            await asyncio.sleep(0.01)
        b.halt.request("enough")
        ran = await going
        assert ran.canceled and ran.results[0].outcome.is_lost
        assert b.run.ledger.unsettled == {"a"}

    bench(tmp_path, scenario)


def test_work_of_our_own_process_ends_with_it(tmp_path: Path) -> None:
    class Here(Do):
        at_host = False

    async def scenario(b: Bench) -> None:
        await fly(b)
        step = Here("s", lambda ctx: cut(ctx) if ctx.attempt == 1 else ok(), policy=RETRIED)
        ran = await Task("t", (step,)).run(b.running(await b.past()))
        assert ran.ok and step.calls == [("a", 1), ("a", 2)]

    bench(tmp_path, scenario)


def test_a_fallback_does_not_meet_what_was_lost(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        def lose(ctx: Context) -> Outcome:
            raise HostLost("contact with a was lost")

        other = Do("other")
        ran = await Task("t", (Do("s", lose, fallback=other),)).run(b.running())
        assert other.calls == [] and ran.results[0].outcome.is_lost

    bench(tmp_path, scenario)


def test_who_waits_ends_when_the_run_goes_on_without_the_host(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        def lose(ctx: Context) -> Outcome:
            b.run.fleet.absent["a"] = "a is not there"
            raise HostLost("contact with a was lost")

        step = Do("s", lose, policy=Policy(offline=Offline("wait")))
        ran = await Task("t", (step,)).run(b.running())
        assert step.calls == [("a", 1)] and ran.results[0].outcome.is_lost

    bench(tmp_path, scenario)


def test_what_was_left_out_is_done_by_a_resume(tmp_path: Path) -> None:
    """Otherwise the host would get the later steps without the earlier ones."""

    async def scenario(b: Bench) -> None:
        b.ways["a"].absent = 1
        one, two = Do("one"), Do("two")
        ran = await Task("t", (one, two)).run(b.running(offline=Offline("skip")))
        assert [r.status for r in ran.results] == [Status.SKIPPED] * 2
        await b.end("failed")
        ran = await Task("t", (one, two)).run(b.running(await b.past(), offline=Offline("skip")))
        assert [r.status for r in ran.results] == [Status.SUCCESS] * 2
        assert one.calls == two.calls == [("a", 1)]

    bench(tmp_path, scenario)


def test_leaving_a_host_out_does_not_forget_what_runs_there(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await fly(b)
        b.ways["a"].absent = 1
        step = Do("s")
        await Task("t", (step,)).run(b.running(await b.past(), offline=Offline("skip")))
        assert b.run.ledger.unsettled == {"a"}
        await b.end("failed")
        assert (await Task("t", (step,)).run(b.running(await b.past()))).ok
        assert step.calls == [("a", 1)]

    bench(tmp_path, scenario)
