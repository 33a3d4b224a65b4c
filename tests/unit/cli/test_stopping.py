"""Canceling, with and without an owner that obeys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from runyard.cli.stopping import Stopped, stop
from runyard.cli.style import Paint
from runyard.hosts.site import Access
from runyard.model.errors import HostLost, NetworkError
from runyard.model.event import Event
from runyard.model.run import SWEPT, RunRecord
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


STAYS = f"; `finally` was not run: `runyard resume {RUN}` goes on from here"
AGAIN = f"\n  hint: `runyard cancel {RUN}` again ends what is left"


def text(runs: FakeRuns) -> tuple[str, bool]:
    found = stopped(runs)
    assert found is not None
    return found.text(Paint()), found.clean


def test_an_owner_that_obeys() -> None:
    assert text(FakeRuns("canceled", ended=False)) == (f"canceled: {RUN}, survivors: 0", True)
    assert text(FakeRuns("success", ended=False)) == (f"success: {RUN}, survivors: 0", False)


def test_an_owner_that_dies_before_it_obeys() -> None:
    runs = FakeRuns("interrupted", Cancellation(2, 0), ended=False)
    assert text(runs) == (
        f"interrupted: {RUN}, ended now: 2, survivors: 0{STAYS}",
        True,
    )
    assert runs.asked == 2


@pytest.mark.parametrize(("survivors", "clean"), [(0, True), (3, False)])
def test_an_owner_that_has_been_dead(survivors: int, clean: bool) -> None:
    runs = FakeRuns("interrupted", Cancellation(1, survivors), ended=True)
    assert text(runs) == (
        f"interrupted: {RUN}, ended now: 1, survivors: {survivors}{STAYS}",
        clean,
    )


def test_hosts_that_were_not_reached_are_named() -> None:
    runs = FakeRuns("interrupted", Cancellation(1, 0, {"web1": "no route"}), ended=True)
    assert text(runs) == (
        f"interrupted: {RUN}, ended now: 1, survivors: 0{STAYS}\n"
        f"not reached: web1, what ran there may go on: no route{AGAIN}",
        False,
    )


def test_a_host_that_the_owner_could_not_tell_is_named() -> None:
    """The run has ended, and its cancellation did not reach the host: that is no good end."""
    error = HostLost.of("web1", NetworkError("no route"), canceled=True)
    runs = FakeRuns("canceled", ended=False)
    lost = host("web1", "error", error.message, error=error.to_dict())
    runs.record = run(step("a", host("h", "canceled"), lost), status="canceled")
    assert text(runs) == (
        f"canceled: {RUN}, survivors: 0\n"
        f"not reached: web1, what ran there may go on: {error.message}{AGAIN}",
        False,
    )
    lost.message = SWEPT  # by a later cancel
    assert text(runs) == (f"canceled: {RUN}, survivors: 0", True)


def test_a_run_that_had_ended_and_of_which_something_was_left() -> None:
    runs = FakeRuns("canceled", Cancellation(1, 0), ended=True)
    assert text(runs) == (f"canceled: {RUN}, ended now: 1, survivors: 0", True)


def test_without_waiting_nothing_is_known() -> None:
    assert stopped(FakeRuns("canceled", ended=False), wait=False) is None
