from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.engine.flying import Flying
from runyard.engine.ledger import Ledger, from_data, to_data
from runyard.model.errors import StoreError
from runyard.model.event import NewEvent
from runyard.model.result import Outcome, StepResult
from runyard.model.status import Status
from runyard.store.journal import AttemptRow
from tests.unit.engine.support import RUN, Bench, bench

TEXT = st.text(max_size=20)
OUTCOMES = st.builds(
    Outcome,
    status=st.sampled_from([s for s in Status if s.is_final]),
    stdout=TEXT,
    stderr=TEXT,
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(1, 64),
    message=TEXT,
    exports=st.dictionaries(TEXT, st.integers() | TEXT, max_size=3),
    changed=st.booleans(),
    warnings=st.lists(TEXT, max_size=2).map(tuple),
    survivors=st.integers(0, 3),
    logged=st.just(True),
)


@given(OUTCOMES)
def test_a_result_comes_back_from_the_journal_as_it_was(outcome: Outcome) -> None:
    result = StepResult("s", "h", outcome, 3, 1.5, 2.5)
    assert from_data("s", "h", to_data(result)) == result


def row(step: str, n: int, status: str, *, done: bool = True, **more: object) -> AttemptRow:
    result = {"status": status, "attempt": n, "started_at": 1.0, "ended_at": 2.0, **more}
    return AttemptRow(step, "h", n, Status(status), 1.0, result, done)


def test_what_earlier_lives_reached() -> None:
    class Unused:
        pass

    past = [
        row("good", 1, "success"),
        row("tried", 1, "failed", done=False),
        row("bad", 2, "failed"),
        row("forgiven", 1, "failed", tolerated=True),
        row("finally:last", 1, "success"),
        row("undone", 1, "success"),
        row("rollback:undone", 1, "success"),
        AttemptRow("flying", "h", 4, Status.INTERRUPTED, 1.0, None, False),
    ]
    ledger = Ledger(Unused(), RUN, 2, past)  # type: ignore[arg-type]
    reached = [r.step for r in past if ledger.reached(r.step, "h")]
    assert reached == ["good", "forgiven"]
    assert ledger.last_try("bad", "h") == (2, False)
    assert ledger.last_try("flying", "h") == (4, True)
    assert ledger.last_try("new", "h") == (0, False)


def test_a_result_and_the_next_intent_are_one_commit_and_keep_their_order(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        commits: list[list[str]] = []
        commit = b.journal.commit

        async def counted(run_id: str, epoch: int, events: list[NewEvent]):  # type: ignore[no-untyped-def]
            commits.append([event.type for event in events])
            return await commit(run_id, epoch, events)

        b.journal.commit = counted  # type: ignore[method-assign, assignment]
        ledger = b.running().ledger
        await ledger.intend(Flying("one", "a", 1))
        ledger.reach(StepResult("one", "a", Outcome(Status.SUCCESS), 1, 0.0, 0.0))
        ledger.tell(NewEvent("step.finished", "one", data={"status": "success"}))
        await ledger.intend(Flying("two", "a", 1))
        assert commits == [
            ["attempt.started"],
            ["result.reached", "step.finished", "attempt.started"],
        ]
        ledger.reach(StepResult("two", "a", Outcome(Status.SUCCESS), 1, 0.0, 0.0))
        await b.settle()
        assert (await b.types())[-1] == "result.reached"

    bench(tmp_path, scenario)


class Slow:
    """A journal whose commits end when told to, one after the other."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.gate = asyncio.Event()

    async def commit(self, run_id: str, epoch: int, events: list[NewEvent]) -> None:
        error = self.errors.pop(0) if self.errors else None
        await self.gate.wait()
        if error is not None:
            raise error


def test_an_earlier_commit_that_failed_is_heard_of_by_everybody_after_it() -> None:
    async def main() -> None:
        journal = Slow(StoreError("full"), None)
        ledger = Ledger(journal, RUN, 1)  # type: ignore[arg-type]
        result = StepResult("s", "a", Outcome(Status.SUCCESS), 1, 0.0, 0.0)
        ledger.reach(result)
        await asyncio.sleep(0)
        recording = [asyncio.ensure_future(ledger.intend(Flying("s", host, 1))) for host in "bc"]
        await asyncio.sleep(0)
        journal.gate.set()
        told = await asyncio.gather(*recording, return_exceptions=True)
        assert [str(error) for error in told] == ["full", "full"]
        with pytest.raises(StoreError, match="full"):
            await ledger.record()

    asyncio.run(main())


def test_one_who_is_cancelled_leaves_the_commits_of_the_others_alone() -> None:
    async def main() -> None:
        journal = Slow()
        ledger = Ledger(journal, RUN, 1)  # type: ignore[arg-type]
        ledger.tell(NewEvent("step.started", "s"))
        await asyncio.sleep(0)
        one, two = (asyncio.ensure_future(ledger.record()) for _ in range(2))
        await asyncio.sleep(0)
        one.cancel()
        await asyncio.sleep(0)
        journal.gate.set()
        await two
        assert one.cancelled()

    asyncio.run(main())
