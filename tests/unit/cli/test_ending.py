"""Counts and exit codes."""

from __future__ import annotations

import pytest

from runyard.cli.ending import Ending, elapsed, exit_code, failures, survivors, tally, unknown
from tests.unit.cli.items import event
from tests.unit.cli.records import host, run, step


@pytest.mark.parametrize(
    ("status", "code"),
    [("success", 0), ("failed", 1), ("canceled", 3), ("interrupted", 4), ("running", 4)],
)
def test_code_of_a_status(status: str, code: int) -> None:
    assert exit_code(run(status=status)) == code


def test_rejected_is_not_approved() -> None:
    ending = Ending()
    ending.see(event("approval.requested", "deploy"))
    ending.see(event("approval.decided", "deploy", decision="rejected"))
    assert exit_code(run(status="failed"), ending) == 5
    assert exit_code(run(status="success"), ending) == 0


def test_nobody_answered_is_not_approved() -> None:
    ending = Ending()
    ending.see(event("approval.requested", "deploy"))
    assert exit_code(run(status="failed"), ending) == 5
    assert exit_code(run(status="canceled"), ending) == 3


def test_approved_and_failed_later_is_failed() -> None:
    ending = Ending()
    ending.see(event("approval.requested", "deploy"))
    ending.see(event("approval.decided", "deploy", decision="approved"))
    assert exit_code(run(status="failed"), ending) == 1


def test_tally() -> None:
    record = run(
        step("a", host("h1", changed=True), host("h2", "skipped"), host("h3", "timeout")),
        step("b", host("h1", "error"), host("h2", "canceled"), host("h3", "failed", changed=True)),
        step("c", host("h1", "queued")),
    )
    assert tally(record) == {
        "ok": 1,
        "changed": 1,
        "skipped": 1,
        "failed": 3,
        "canceled": 1,
        "interrupted": 0,
    }
    assert [(s.name, h.host) for s, h in failures(record)] == [
        ("a", "h3"),
        ("b", "h1"),
        ("b", "h3"),
    ]


def test_an_end_that_nobody_saw_is_unknown() -> None:
    seen, unseen = host("h1", "interrupted"), host("h2", "interrupted")
    unseen.finished_at = None
    record = run(step("a", seen, unseen), status="interrupted")
    assert unknown(record) == 1
    assert tally(record)["interrupted"] == 2


def test_survivors_are_summed() -> None:
    assert survivors(run(step("a", host("h1", survivors=2), host("h2", survivors=1)))) == 3
    assert survivors(run(step("a", host("h1")))) == 0


def test_elapsed() -> None:
    assert elapsed(run()) == 2.5
    assert elapsed(run(started_at=None)) == 0.0
    assert elapsed(run(finished_at=None, updated_at=11.0)) == 1.0
