"""Watching: what is new of a run, questions on the terminal, failures of a view."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from runyard.cli.approvals import Approvals
from runyard.cli.feed import Item
from runyard.cli.watch import news, watch
from runyard.model.event import Event
from runyard.model.run import RunRecord
from runyard.model.status import Status
from runyard.store.tail import OutputChunk
from tests.unit.cli.items import RUN, chunk, event, result
from tests.unit.cli.records import run


class FakeRuns:
    """Runs whose events and output are given; decisions are kept."""

    def __init__(self, events: list[Event], chunks: list[OutputChunk] | None = None) -> None:
        self.all = [replace(e, seq=n) for n, e in enumerate(events, 1)]
        self.chunks = chunks or []
        self.decided: list[tuple[str, bool]] = []

    async def events(
        self, run_id: str, after: int = 0, *, follow: bool = False
    ) -> AsyncIterator[Event]:
        for each in self.all[after:]:
            await asyncio.sleep(0)
            yield each

    async def logs(
        self, run_id: str, *, after: Mapping[str, int] | None = None, **_: Any
    ) -> AsyncIterator[OutputChunk]:
        for each in self.chunks:
            await asyncio.sleep(0)
            if each.next >= (after or {}).get(each.attempt, 0):
                yield each

    async def decide(self, run_id: str, *, accept: bool, step: str, by: str) -> None:
        self.decided.append((step, accept))


class FakeStarted:
    """A run that ends when it is canceled, or at once."""

    def __init__(self, record: RunRecord, *, at_once: bool = True, epoch: int = 1) -> None:
        self.run_id, self.epoch, self.record = RUN, epoch, record
        self.asked: list[str] = []
        self.over = asyncio.Event()
        if at_once:
            self.over.set()

    async def wait(self) -> RunRecord:
        await self.over.wait()
        return self.record

    def cancel(self, reason: str = "") -> None:
        self.asked.append("cancel")

    def kill(self) -> None:
        self.asked.append("kill")
        self.over.set()


class FakeView:
    """Remembers what it was shown; may fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.shown: list[Item] = []
        self.notes: list[str] = []
        self.closed = False
        self.failure = failure

    async def show(self, item: Item) -> None:
        if self.failure is not None:
            raise self.failure
        self.shown.append(item)

    async def note(self, text: str) -> None:
        self.notes.append(text)

    async def ask(self, question: str) -> None:
        self.notes.append(question)

    async def answered(self) -> None:
        self.notes.append("answered")

    async def close(self) -> None:
        self.closed = True


def test_everything_is_shown_and_the_view_closed() -> None:
    runs = FakeRuns([event("run.started"), result("build", "web1", output_bytes=2)], [chunk(b"hi")])

    async def main() -> FakeView:
        view = FakeView()
        watched = await watch(runs, FakeStarted(run()), view)  # type: ignore[arg-type]
        assert watched.record.status is Status.SUCCESS
        return view

    view = asyncio.run(main())
    kinds = [item.type if isinstance(item, Event) else "output" for item in view.shown]
    assert kinds == ["run.started", "output", "result.reached"]
    assert view.closed


def test_a_failing_view_does_not_fail_the_run() -> None:
    async def main() -> FakeView:
        view = FakeView(ValueError("broken view"))
        runs = FakeRuns([event("run.started")])
        await watch(runs, FakeStarted(run()), view)  # type: ignore[arg-type]
        return view

    view = asyncio.run(main())
    assert view.closed
    assert view.notes == ["runyard: this view was incomplete: broken view"]


def test_first_signal_cancels_second_kills() -> None:
    async def main() -> tuple[FakeStarted, FakeView]:
        started, view = FakeStarted(run(status="canceled"), at_once=False), FakeView()
        runs = FakeRuns([])
        watching = asyncio.create_task(watch(runs, started, view))  # type: ignore[arg-type]
        await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        while not view.notes:
            await asyncio.sleep(0.01)
        assert started.asked == ["cancel"]
        os.kill(os.getpid(), signal.SIGTERM)
        await watching
        return started, view

    started, view = asyncio.run(main())
    assert started.asked == ["cancel", "kill"]
    assert "Ctrl-C again kills" in view.notes[0]
    assert "killing" in view.notes[1]


def test_one_order_to_stop_that_comes_twice_kills_nothing() -> None:
    """`timeout` tells us and our whole group, at the same time."""

    async def main() -> FakeStarted:
        started, view = FakeStarted(run(status="canceled"), at_once=False), FakeView()
        watching = asyncio.create_task(watch(FakeRuns([]), started, view))  # type: ignore[arg-type]
        await asyncio.sleep(0.01)
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.01)
        assert started.asked == ["cancel"]
        os.kill(os.getpid(), signal.SIGINT)  # a person
        await watching
        return started

    assert asyncio.run(main()).asked == ["cancel", "kill"]


def test_rejection_is_remembered() -> None:
    runs = FakeRuns(
        [
            event("approval.requested", "deploy"),
            event("approval.decided", "deploy", decision="rejected"),
        ]
    )

    async def main() -> bool:
        watched = await watch(runs, FakeStarted(run(status="failed")), FakeView())  # type: ignore[arg-type]
        return watched.ending.refused

    assert asyncio.run(main())


def test_of_a_resumed_run_what_is_new_and_what_was_in_flight() -> None:
    runs = FakeRuns(
        [
            event("run.started"),
            event("attempt.started", "done", "h", n=1),
            event("attempt.finished", "build", "h", n=1, result={"attempt": 1}),
            result("done", "h"),
            event("run.resumed", epoch=2),
            event("step.started", "build"),
            result("build", "h", attempt=2),
            event("run.finished"),
        ],
        [
            chunk(b"over", "done", "h"),
            chunk(b"failed", "build", "h"),
            chunk(b"attached", "build", "h", n=2, at=1.0),
        ],
    )

    async def main() -> tuple[list[str], list[bytes]]:
        events, output = await news(runs, RUN, 2)  # type: ignore[arg-type]
        told = [e.type async for e in events]
        return told, [c.data async for c in output]

    told, printed = asyncio.run(main())
    assert told == ["run.resumed", "step.started", "result.reached", "run.finished"]
    assert printed == [b"attached"]


def test_output_of_a_resumed_run_comes_behind_the_name_of_its_step() -> None:
    runs = FakeRuns(
        [event("run.resumed", epoch=2), event("step.started", "build"), event("run.finished")],
        [chunk(b"before", "build", "h")],
    )

    async def main() -> list[str]:
        view = FakeView()
        await watch(runs, FakeStarted(run(), epoch=2), view)  # type: ignore[arg-type]
        return [item.type if isinstance(item, Event) else "output" for item in view.shown]

    shown = asyncio.run(main())
    assert shown.index("step.started") < shown.index("output")


def test_without_a_terminal_it_says_how_to_answer() -> None:
    runs = FakeRuns([event("approval.requested", "deploy", message="sure?")])

    async def main() -> list[str]:
        view = FakeView()
        approvals = Approvals(runs, RUN, view, terminal=False)  # type: ignore[arg-type]
        approvals.see(runs.all[0])
        await asyncio.sleep(0.05)
        await approvals.close()
        return view.notes

    (note,) = asyncio.run(main())
    assert f"runyard approve {RUN} --step 'deploy'" in note
