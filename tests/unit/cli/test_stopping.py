"""Canceling, with and without an owner that obeys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from runyard.cli.stopping import Stopped, stop
from runyard.cli.style import Paint
from runyard.hosts.site import Access
from runyard.model.event import Event
from runyard.model.run import RunRecord
from runyard.service.desk import Cancellation
from tests.unit.cli.items import RUN
from tests.unit.cli.records import host, run, step


class FakeRuns:
    """A run that ends as `status`; once it is interrupted, canceling finds `left`."""

    def __init__(self, status: str, left: Cancellation | None = None, *, ended: bool) -> None:
        self.record = run(step("a", host("h", status)), status=status)
        self.left, self.ended, self.asked = left, ended, 0

    async def cancel(
        self, run_id: str, reason: str, *, kill: bool, access: Access
    ) -> Cancellation | None:
        self.asked += 1
        return self.left if self.ended else None

    async def events(self, run_id: str, **_: Any) -> AsyncIterator[Event]:
        self.ended = True
        return
        yield

    async def get(self, run_id: str) -> RunRecord:
        return self.record


def stopped(runs: FakeRuns, *, wait: bool = True) -> Stopped | None:
    return asyncio.run(stop(runs, RUN, "why", kill=False, wait=wait, timeout=9))  # type: ignore[arg-type]


def text(runs: FakeRuns) -> tuple[str, bool]:
    found = stopped(runs)
    assert found is not None
    return found.text(Paint()), found.clean


def test_an_owner_that_obeys() -> None:
    assert text(FakeRuns("canceled", ended=False)) == (f"canceled: {RUN}, survivors: 0", True)
    assert text(FakeRuns("success", ended=False)) == (f"success: {RUN}, survivors: 0", False)


def test_an_owner_that_dies_before_it_obeys() -> None:
    runs = FakeRuns("interrupted", Cancellation(2, 0), ended=False)
    assert text(runs) == (f"interrupted: {RUN}, ended now: 2, survivors: 0", True)
    assert runs.asked == 2


@pytest.mark.parametrize(("survivors", "clean"), [(0, True), (3, False)])
def test_an_owner_that_has_been_dead(survivors: int, clean: bool) -> None:
    runs = FakeRuns("interrupted", Cancellation(1, survivors), ended=True)
    assert text(runs) == (f"interrupted: {RUN}, ended now: 1, survivors: {survivors}", clean)


def test_hosts_that_were_not_reached_are_named() -> None:
    runs = FakeRuns("interrupted", Cancellation(1, 0, {"web1": "no route"}), ended=True)
    assert text(runs) == (
        f"interrupted: {RUN}, ended now: 1, survivors: 0\n"
        "not reached: web1, what ran there may go on: no route",
        False,
    )


def test_without_waiting_nothing_is_known() -> None:
    assert stopped(FakeRuns("canceled", ended=False), wait=False) is None
