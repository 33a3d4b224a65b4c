from __future__ import annotations

import asyncio

import pytest

from runyard.model.errors import (
    ConflictError,
    FencedError,
    InternalError,
    NotFoundError,
    StoreError,
)
from runyard.model.event import NewEvent
from runyard.model.run import RunFilter, RunRecord
from runyard.model.status import Status
from runyard.store.home import Home
from runyard.store.sqlite import SqliteJournal

RUN = "run-00000001"
RESULT = {
    "status": "success",
    "attempt": 1,
    "started_at": 5.0,
    "ended_at": 6.0,
    "stdout": "out 长",
    "stderr": "",
    "exit_code": 0,
    "exports": {"K": "v"},
    "message": "fine",
}


def finished(status: str = "success", **more: object) -> NewEvent:
    return NewEvent("run.finished", data={"status": status, **more})


async def whole_run(journal: SqliteJournal) -> None:
    await journal.create(RunRecord(RUN, "deploy", "7"), {"text": "x: 1"})
    await journal.commit(RUN, 1, [NewEvent("run.started")])
    await journal.commit(
        RUN, 1, [NewEvent("step.started", "build", data={"hosts": ["b", "a"], "index": 0})]
    )
    await journal.commit(RUN, 1, [NewEvent("attempt.started", "build", "a", {"n": 1})])
    await journal.commit(RUN, 1, [NewEvent("result.reached", "build", "a", {"result": RESULT})])


def test_a_run_is_read_back_as_its_events_tell(run_journal):
    async def go(journal):
        await whole_run(journal)
        record = await journal.get(RUN)
        assert record.status is Status.RUNNING
        assert (record.workflow_name, record.workflow_version) == ("deploy", "7")
        assert record.version == 5
        [step] = record.steps
        assert step.name == "build" and step.status is Status.RUNNING
        # In the order of the document; the host that has not begun is queued.
        assert list(step.hosts) == ["b", "a"]
        assert step.hosts["b"].status is Status.QUEUED
        host = step.hosts["a"]
        assert (host.status, host.message, host.finished_at) == (Status.SUCCESS, "fine", 6.0)
        assert host.output["stdout"] == "out 长"
        assert host.output["exports"] == {"K": "v"}
        await journal.commit(
            RUN, 1, [NewEvent("step.finished", "build", data={"status": "success"}), finished()]
        )
        record = await journal.get(RUN, outputs=False)
        assert record.status is Status.SUCCESS and record.finished_at is not None
        assert record.steps[0].status is Status.SUCCESS
        assert record.steps[0].hosts["a"].output == {}
        assert await journal.spec(RUN) == {"text": "x: 1"}

    run_journal(go)


def test_steps_are_in_the_order_of_the_workflow_whenever_they_began(run_journal):
    """What is done in any case came first, in an earlier life; what was never begun is there."""

    def step(kind, name, index):
        return NewEvent(kind, name, data={"hosts": ["a"], "index": index, "total": 4})

    async def go(journal):
        await journal.create(RunRecord(RUN, "deploy", status=Status.RUNNING), {})
        await journal.commit(
            RUN,
            1,
            [
                step("step.started", "one", 1),
                step("step.started", "rollback:one", 0),
                step("step.started", "finally:tidy", 4),
                step("step.left", "two", 2),
                step("step.left", "three", 3),
                step("step.started", "two", 2),
                step("step.left", "one", 1),
            ],
        )
        steps = (await journal.get(RUN)).steps
        assert [(each.name, each.status) for each in steps] == [
            ("one", Status.RUNNING),
            ("two", Status.RUNNING),
            ("three", Status.QUEUED),
            ("finally:tidy", Status.RUNNING),
            ("rollback:one", Status.RUNNING),
        ]
        assert list(steps[2].hosts) == ["a"]

    run_journal(go)


def test_events_are_numbered_without_gaps_across_commits(run_journal):
    async def go(journal):
        await whole_run(journal)
        events = await journal.events(RUN)
        assert [event.seq for event in events] == [1, 2, 3, 4, 5]
        assert [event.type for event in events][:2] == ["run.queued", "run.started"]
        assert events[4].data["result"] == RESULT
        assert [event.seq for event in await journal.events(RUN, 3)] == [4, 5]
        assert [event.seq for event in await journal.events(RUN, 0, 2)] == [1, 2]

    run_journal(go)


def test_commits_at_once_keep_the_order_of_the_calls(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        made = await asyncio.gather(
            *(
                journal.commit(RUN, 1, [NewEvent("warning.raised", data={"i": i})] * 2)
                for i in range(300)
            )
        )
        assert [event.seq for pair in made for event in pair] == list(range(2, 602))
        events = await journal.events(RUN, 1)
        assert [event.data["i"] for event in events] == [i for i in range(300) for _ in (0, 1)]
        assert (await journal.get(RUN)).version == 301

    run_journal(go)


def test_a_refused_commit_takes_no_neighbour_with_it(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        outcomes = await asyncio.gather(
            journal.commit(RUN, 1, [NewEvent("warning.raised")]),
            journal.commit(RUN, 9, [NewEvent("warning.raised")]),
            # Its first event would do; the second one makes all of it void.
            journal.commit(RUN, 1, [NewEvent("warning.raised"), NewEvent("run.queued")]),
            journal.commit("no-such-run", 1, [NewEvent("warning.raised")]),
            journal.commit(RUN, 1, [NewEvent("warning.raised")]),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [
            list,
            FencedError,
            ConflictError,
            NotFoundError,
            list,
        ]
        assert [event.seq for event in await journal.events(RUN)] == [1, 2, 3]

    run_journal(go)


def test_a_fold_that_breaks_takes_no_neighbour_with_it(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        outcomes = await asyncio.gather(
            journal.commit(RUN, 1, [NewEvent("warning.raised")]),
            journal.commit(RUN, 1, [NewEvent("attempt.started", "s", "h", {})]),
            journal.commit(RUN, 1, [NewEvent("warning.raised")]),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [list, InternalError, list]
        assert [event.seq for event in await journal.events(RUN)] == [1, 2, 3]

    run_journal(go)


def test_a_run_id_is_taken_once(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {})
        with pytest.raises(ConflictError) as caught:
            await journal.create(RunRecord(RUN), {})
        assert caught.value.code == "RUN_EXISTS"

    run_journal(go)


@pytest.mark.parametrize("status", ["success", "failed", "canceled", "interrupted"])
def test_an_ended_run_takes_nothing_but_a_failed_notification(run_journal, status):
    async def go(journal):
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        await journal.commit(RUN, 1, [finished(status)])
        for late in (NewEvent("warning.raised"), finished("failed"), NewEvent("run.started")):
            with pytest.raises(ConflictError) as caught:
                await journal.commit(RUN, 1, [late])
            assert caught.value.code == "RUN_FINAL"
        await journal.commit(RUN, 1, [NewEvent("notify.failed", data={"error": "no route"})])
        record = await journal.get(RUN)
        assert record.status == status
        assert record.last_notify_error == "no route"
        with pytest.raises(ConflictError):
            await journal.post(RUN, "cancel", {})

    run_journal(go)


def test_a_claim_resumes_and_fences_the_former_owner(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        await journal.commit(RUN, 1, [finished("failed", message="m", error={"message": "broke"})])
        assert (await journal.get(RUN)).last_error == "broke"
        assert await journal.claim(RUN) == 2
        record = await journal.get(RUN)
        assert (record.status, record.epoch, record.last_error) == (Status.RUNNING, 2, "")
        assert record.finished_at is None
        with pytest.raises(FencedError):
            await journal.commit(RUN, 1, [finished("failed")])
        await journal.commit(RUN, 2, [finished()])
        with pytest.raises(ConflictError) as caught:
            await journal.claim(RUN)
        assert caught.value.code == "RUN_TRANSITION"

    run_journal(go)


def test_a_claim_voids_cancels_that_nobody_took(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        await journal.post(RUN, "cancel", {})
        await journal.post(RUN, "approve", {"step": "s"})
        await journal.commit(RUN, 1, [finished("interrupted")])
        await journal.claim(RUN)
        assert [control.kind for control in await journal.controls(RUN)] == ["approve"]

    run_journal(go)


def test_a_queued_run_stays_queued_when_claimed(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {}, owner="")
        assert await journal.claim(RUN, "managers/m1.lock") == 2
        record = await journal.get(RUN)
        assert (record.status, record.epoch) == (Status.QUEUED, 2)
        assert [e.type for e in await journal.events(RUN)] == ["run.queued", "run.claimed"]

    run_journal(go)


@pytest.mark.parametrize("status", ["success", "failed", "canceled"])
def test_nothing_is_running_in_a_run_that_has_ended(run_journal, status):
    async def go(journal):
        await whole_run(journal)
        await journal.commit(RUN, 1, [NewEvent("attempt.started", "build", "b", {"n": 1})])
        await journal.commit(RUN, 1, [finished(status)])
        [step] = (await journal.get(RUN)).steps
        assert step.status is Status.INTERRUPTED
        assert step.hosts["a"].status is Status.SUCCESS
        assert step.hosts["b"].status is Status.INTERRUPTED

    run_journal(go)


def test_interrupting_marks_what_was_running_and_keeps_what_was_done(run_journal):
    async def go(journal):
        await whole_run(journal)
        await journal.commit(RUN, 1, [NewEvent("attempt.started", "build", "b", {"n": 1})])
        await journal.commit(RUN, 1, [finished("interrupted", interrupted_reason="died")])
        record = await journal.get(RUN)
        assert record.interrupted_reason == "died"
        assert record.steps[0].status is Status.INTERRUPTED
        statuses = {name: host.status for name, host in record.steps[0].hosts.items()}
        assert statuses == {"a": Status.SUCCESS, "b": Status.INTERRUPTED}
        rows = {row.host: row for row in await journal.attempts(RUN)}
        assert rows["a"].done and rows["a"].result == RESULT
        assert not rows["b"].done and rows["b"].result is None

    run_journal(go)


def test_tries_of_a_step_are_one_host_record(run_journal):
    async def go(journal):
        await whole_run(journal)
        failed = {**RESULT, "status": "failed", "started_at": 7.0}
        b = ("build", "b")
        await journal.commit(
            RUN,
            1,
            [
                NewEvent("attempt.started", *b, {"n": 1}),
                NewEvent("attempt.finished", *b, {"n": 1, "result": failed}),
            ],
        )
        host = (await journal.get(RUN)).steps[0].hosts["b"]
        # Another try follows: the host is not done.
        assert (host.status, host.finished_at, host.started_at) == (Status.RUNNING, None, 7.0)
        await journal.commit(RUN, 1, [NewEvent("attempt.started", *b, {"n": 2})])
        last = {**RESULT, "attempt": 2, "started_at": 9.0, "ended_at": 10.0}
        await journal.commit(RUN, 1, [NewEvent("result.reached", *b, {"result": last})])
        host = (await journal.get(RUN)).steps[0].hosts["b"]
        assert (host.status, host.finished_at, host.started_at) == (Status.SUCCESS, 10.0, 7.0)
        rows = [row for row in await journal.attempts(RUN) if row.host == "b"]
        assert [(row.n, row.status, row.done) for row in rows] == [
            (1, Status.FAILED, False),
            (2, Status.SUCCESS, True),
        ]

    run_journal(go)


def test_lists_newest_first_and_filters(run_journal):
    async def go(journal):
        for i in range(4):
            record = RunRecord(f"run-0000000{i}", "odd" if i % 2 else "even")
            await journal.create(record, {}, [NewEvent("run.started")])
        await journal.commit("run-00000003", 1, [finished()])

        async def ids(**filter: object) -> list[str]:
            return [r.run_id[-1] for r in await journal.list(RunFilter(**filter))]

        assert await ids() == ["3", "2", "1", "0"]
        assert await ids(limit=2) == ["3", "2"]
        assert await ids(workflow_name="odd") == ["3", "1"]
        assert await ids(status=Status.SUCCESS) == ["3"]
        assert await ids(kind="coding") == []

    run_journal(go)


def test_follow_gives_history_then_what_comes_and_ends_with_the_run(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {})

        async def reader(after: int) -> list[int]:
            return [event.seq async for event in journal.follow(RUN, after)]

        readers = [asyncio.create_task(reader(after)) for after in (0, 1, 5)]
        await journal.commit(RUN, 1, [NewEvent("run.started")])
        for _ in range(5):
            await asyncio.sleep(0.001)
            await journal.commit(RUN, 1, [NewEvent("warning.raised")] * 2)
        await journal.commit(RUN, 1, [finished()])
        got = await asyncio.gather(*readers)
        assert got == [list(range(after + 1, 14)) for after in (0, 1, 5)]
        assert await reader(13) == []

    run_journal(go)


def test_follow_of_an_unknown_run_says_so(run_journal):
    async def go(journal):
        with pytest.raises(NotFoundError):
            await anext(aiter(journal.follow("run-unknown")))

    run_journal(go)


def test_a_cancelled_waiter_does_not_undo_its_commit_and_wakes_followers(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        events = journal.follow(RUN, 1)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)
        commit = asyncio.create_task(journal.commit(RUN, 1, [NewEvent("warning.raised")]))
        await asyncio.sleep(0)
        commit.cancel()
        assert (await waiting).type == "warning.raised"
        with pytest.raises(asyncio.CancelledError):
            await commit
        await events.aclose()

    run_journal(go)


def test_follow_controls(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        first = await journal.post(RUN, "approve", {"step": "s"})
        controls = journal.follow_controls(RUN)
        assert (await anext(controls)).id == first
        waiting = asyncio.ensure_future(anext(controls))
        await asyncio.sleep(0.01)
        await journal.post(RUN, "cancel", {"by": "me"})
        control = await waiting
        assert (control.kind, control.data) == ("cancel", {"by": "me"})
        await controls.aclose()

    run_journal(go)


def test_notices_are_given_until_they_are_delivered(run_journal):
    async def go(journal):
        await whole_run(journal)
        notices = await journal.notices(RUN)
        assert [(n.payload["step"], n.payload["host"], n.payload["status"]) for n in notices] == [
            ("", "", "queued"),
            ("", "", "running"),
            ("build", "", "running"),
            ("build", "a", "running"),
            ("build", "a", "success"),
        ]
        assert set(notices[0].payload) == {
            "run_id", "workflow_name", "status", "step", "host", "timestamp", "error", "version",
        }  # fmt: skip
        assert notices[4].payload["version"] == 5
        await journal.delivered(RUN, notices[3].seq)
        await journal.delivered(RUN, 1)
        assert [n.seq for n in await journal.notices(RUN)] == [5]
        assert len(await journal.notices(RUN, "other")) == 5

    run_journal(go)


def test_a_lease_has_one_holder(run_journal):
    async def go(journal):
        assert await journal.lease("db", "a", 60) == 1
        assert await journal.lease("db", "a", 60) == 1
        with pytest.raises(ConflictError, match="held by a"):
            await journal.lease("db", "b", 60)
        await journal.release("db", "b")
        with pytest.raises(ConflictError):
            await journal.lease("db", "b", 60)
        await journal.release("db", "a")
        assert await journal.lease("db", "b", 0) == 2
        # It has expired: even its former holder gets a new epoch.
        assert await journal.lease("db", "b", 60) == 3

    run_journal(go)


def test_delete_forgets_an_ended_run_only(run_journal):
    async def go(journal):
        await whole_run(journal)
        with pytest.raises(ConflictError) as caught:
            await journal.delete(RUN)
        assert caught.value.code == "RUN_ACTIVE"
        await journal.commit(RUN, 1, [finished()])
        await journal.delivered(RUN, 3)
        await journal.delete(RUN)
        await journal.delete(RUN)
        with pytest.raises(NotFoundError):
            await journal.get(RUN)
        await journal.create(RunRecord(RUN), {})
        assert len(await journal.events(RUN)) == 1
        assert (await journal.get(RUN)).steps == []

    run_journal(go)


def test_what_json_or_utf8_cannot_say_is_stored_all_the_same(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {}, [NewEvent("run.started")])
        await journal.commit(
            RUN,
            1,
            [
                NewEvent(
                    "warning.raised",
                    data={
                        "message": "\ud800",
                        "object": {
                            1,
                        },
                    },
                )
            ],
        )
        [event] = await journal.events(RUN, 1)
        assert event.data == {"message": "\ud800", "object": "{1}"}

    run_journal(go)


def test_a_closed_journal_says_so(run_journal):
    async def go(journal):
        await journal.create(RunRecord(RUN), {})
        await journal.close()
        with pytest.raises(StoreError, match="closed"):
            await journal.get(RUN)

    run_journal(go)


def test_interrupt_unowned_spares_the_owned_and_fences_the_dead(home: Home):
    async def go() -> None:
        journal = SqliteJournal(home)
        for name in ("run-alive-1", "run-dead-1", "run-over-1", "run-wait-1"):
            owner = "" if "wait" in name else None
            events = [] if "wait" in name else [NewEvent("run.started")]
            await journal.create(RunRecord(name), {}, events, owner)
        await journal.commit("run-over-1", 1, [finished()])
        with home.own("run-alive-1"):
            assert [r.run_id for r in await journal.unowned()] == ["run-dead-1"]
            assert await journal.interrupt_unowned("its process died") == ["run-dead-1"]
            assert await journal.interrupt_unowned("its process died") == []
            record = await journal.get("run-dead-1")
            assert record.status is Status.INTERRUPTED
            assert record.interrupted_reason == "its process died"
            with pytest.raises(FencedError):
                await journal.commit("run-dead-1", 1, [NewEvent("warning.raised")])
            with home.own("run-dead-1"):
                assert await journal.claim("run-dead-1") == 3
        await journal.close()

    asyncio.run(go())
