"""A state machine of runs: whatever is done in whatever order, the journal agrees with a model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from runyard.model.errors import ConflictError, FencedError
from runyard.model.event import NewEvent
from runyard.model.run import RunRecord
from runyard.model.status import Status
from runyard.store.sqlite import SqliteJournal

T = TypeVar("T")
ENDS = [Status.SUCCESS, Status.FAILED, Status.CANCELED, Status.INTERRUPTED]


class RunsOfAJournal(RuleBasedStateMachine):
    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.journal = SqliteJournal(None)
        self.status: dict[str, Status] = {}
        self.epoch: dict[str, int] = {}
        self.events: dict[str, int] = {}
        self.version: dict[str, int] = {}

    def teardown(self) -> None:
        self.do(self.journal.close())
        self.loop.close()

    def do(self, call: Awaitable[T]) -> T:
        async def main() -> T:
            return await call

        return self.loop.run_until_complete(main())

    def wrote(self, run: str, events: int) -> None:
        self.events[run] += events
        self.version[run] += 1

    def commit(self, run: str, epoch: int, *events: NewEvent) -> None:
        self.do(self.journal.commit(run, epoch, events))
        self.wrote(run, len(events))

    @rule(target=runs, started=st.booleans())
    def create(self, started: bool) -> str:
        run = f"run-{len(self.status):08}"
        status = Status.RUNNING if started else Status.QUEUED
        assert self.do(self.journal.create(RunRecord(run, status=status), {})) == 1
        self.status[run], self.epoch[run] = status, 1
        self.events[run] = self.version[run] = 1
        return run

    @rule(run=runs)
    def start(self, run: str) -> None:
        event = NewEvent("run.started")
        if self.status[run] is Status.QUEUED:
            self.commit(run, self.epoch[run], event)
            self.status[run] = Status.RUNNING
        else:
            with pytest.raises(ConflictError):
                self.commit(run, self.epoch[run], event)

    @rule(run=runs, end=st.sampled_from(ENDS), more=st.integers(0, 2))
    def finish(self, run: str, end: Status, more: int) -> None:
        event = NewEvent("run.finished", data={"status": end.value})
        events = [*[NewEvent("warning.raised")] * more, event]
        allowed = self.status[run] is Status.RUNNING or (
            self.status[run] is Status.QUEUED and end is not Status.SUCCESS
        )
        if allowed:
            self.commit(run, self.epoch[run], *events)
            self.status[run] = end
        else:
            with pytest.raises(ConflictError):
                self.commit(run, self.epoch[run], *events)

    @rule(run=runs, n=st.integers(1, 3))
    def work(self, run: str, n: int) -> None:
        result = {"status": "success", "attempt": n}
        events = [
            NewEvent("attempt.started", "s", "h", {"n": n}),
            NewEvent("result.reached", "s", "h", {"result": result}),
        ]
        if self.status[run].is_final:
            with pytest.raises(ConflictError) as caught:
                self.commit(run, self.epoch[run], *events)
            assert caught.value.code == "RUN_FINAL"
        else:
            self.commit(run, self.epoch[run], *events)

    @rule(run=runs)
    def late_notification(self, run: str) -> None:
        self.commit(run, self.epoch[run], NewEvent("notify.failed", data={"error": "x"}))

    @rule(run=runs, behind=st.integers(1, 3))
    def write_of_a_former_owner(self, run: str, behind: int) -> None:
        with pytest.raises(FencedError):
            self.commit(run, self.epoch[run] - behind, NewEvent("warning.raised"))

    @rule(run=runs)
    def claim(self, run: str) -> None:
        if self.status[run] is Status.SUCCESS:
            with pytest.raises(ConflictError):
                self.do(self.journal.claim(run))
            return
        self.epoch[run] += 1
        assert self.do(self.journal.claim(run)) == self.epoch[run]
        self.wrote(run, 1)
        if self.status[run] is not Status.QUEUED:
            self.status[run] = Status.RUNNING

    @rule(run=runs)
    def create_again(self, run: str) -> None:
        with pytest.raises(ConflictError):
            self.do(self.journal.create(RunRecord(run), {}))

    @invariant()
    def the_journal_agrees(self) -> None:
        for run, status in self.status.items():
            record = self.do(self.journal.get(run))
            assert record.status is status
            assert record.epoch == self.epoch[run]
            assert record.version == self.version[run]
            assert (record.finished_at is not None) == status.is_final
            seqs = [event.seq for event in self.do(self.journal.events(run))]
            assert seqs == list(range(1, self.events[run] + 1))


TestRunsOfAJournal = RunsOfAJournal.TestCase
TestRunsOfAJournal.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
