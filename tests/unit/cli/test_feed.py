"""Order of events and output."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeVar

import pytest

from runyard.cli.feed import Item, Sequencer, merge
from runyard.model.errors import StoreError
from runyard.model.event import Event
from tests.unit.cli.items import chunk, event, result

T = TypeVar("T")


async def given(items: Iterable[T], then: BaseException | None = None) -> AsyncIterator[T]:
    for item in items:
        await asyncio.sleep(0)
        yield item
    if then is not None:
        raise then


def collect(events: AsyncIterator[Event], output: AsyncIterator[Any]) -> list[Item]:
    async def main() -> list[Item]:
        return [item async for item in merge(events, output, patience=0.01)]

    return asyncio.run(main())


def test_result_waits_for_its_output() -> None:
    sequencer = Sequencer()
    end = result("build", "web1", output_bytes=6)
    assert sequencer.push(end) == []
    assert sequencer.holding
    first, second = chunk(b"one"), chunk(b"two", offset=3)
    assert sequencer.push(first) == [first]
    assert sequencer.push(second) == [second, end]
    assert not sequencer.holding


def test_later_events_keep_their_order_behind_a_held_one() -> None:
    sequencer = Sequencer()
    end, after = result("build", "web1", output_bytes=1), event("step.finished", "build")
    assert sequencer.push(end) == []
    assert sequencer.push(after) == []
    assert sequencer.release() == [end, after]


def test_output_of_another_attempt_does_not_count() -> None:
    sequencer = Sequencer()
    assert sequencer.push(chunk(b"xx", n=1))
    end = result("build", "web1", attempt=2, output_bytes=2)
    assert sequencer.push(end) == []
    assert sequencer.push(chunk(b"yy", n=2))[-1] == end


def test_missing_output_does_not_hold_the_view_for_ever() -> None:
    events = [result("build", "web1", output_bytes=99), event("run.finished")]
    told = collect(given(events), given([]))
    assert told == events


def test_everything_is_told_once() -> None:
    events = [event("step.started", "build"), result("build", "web1", output_bytes=4)]
    chunks = [chunk(b"ab"), chunk(b"cd", offset=2)]
    told = collect(given(events), given(chunks))
    assert sorted(map(repr, told)) == sorted(map(repr, [*events, *chunks]))
    assert told[-1] == events[-1]


def test_failure_of_a_source_is_raised() -> None:
    with pytest.raises(StoreError, match="gone"):
        collect(given([], StoreError("gone")), given([]))


def failed_try(n: int, **more: Any) -> list[Event]:
    """A try that is followed by another one, in the order in which the journal has it."""
    ended = event("attempt.finished", "build", "web1", n=n, result={"attempt": n, **more})
    return [ended, event("retry.scheduled", "build", "web1", n=n + 1, delay=1.0)]


def test_a_retry_waits_for_the_output_of_the_try_before() -> None:
    sequencer = Sequencer()
    ended, again = failed_try(1, output_bytes=3)
    assert sequencer.push(ended) == []
    assert sequencer.push(again) == []
    last = chunk(b"one")
    assert sequencer.push(last) == [last, ended, again]
    ended, again = failed_try(2)
    assert sequencer.push(ended) == [ended]
    assert sequencer.push(again) == [again]


def test_output_that_somebody_else_showed_is_not_waited_for() -> None:
    sequencer = Sequencer()
    rest = chunk(b"tail", offset=1000)
    assert sequencer.push(rest) == [rest]
    end = result("build", "web1", output_bytes=1004)
    assert sequencer.push(end) == [end]


def test_streams_are_counted_apart() -> None:
    sequencer = Sequencer()
    end = result("build", "web1", output_bytes=6)
    assert sequencer.push(end) == []
    first, second = chunk(b"out"), chunk(b"err", stream="stderr")
    assert sequencer.push(first) == [first]
    assert sequencer.push(second) == [second, end]


def test_nothing_is_remembered_of_a_step_that_is_over() -> None:
    sequencer = Sequencer()
    end = result("build", "web1", output_bytes=9)
    assert sequencer.push(end) == []
    assert sequencer.release() == [end]
    late, other = chunk(b"late"), chunk(b"x", step="other")
    assert sequencer.push(late) == [late]
    assert sequencer.push(other) == [other]
    over = event("step.finished", "build")
    assert sequencer.push(over) == [over]
    assert list(sequencer._printed) == [("other", "web1", 1)]
