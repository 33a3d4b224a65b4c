"""The last words about a run, and the page about it."""

from __future__ import annotations

import pytest

from runyard.cli.style import Paint
from runyard.cli.views.report import report
from runyard.cli.views.summary import summary
from runyard.model.run import SWEPT, RunRecord
from runyard.model.status import Status
from tests.unit.cli.items import RUN
from tests.unit.cli.records import host, run, step

BROKEN = step(
    "build",
    host("web1", "failed", "exit code 3", exit_code=3, stderr="one\ntwo\n\x1b[2Jthree\n"),
    status="failed",
)


def test_success_is_one_line() -> None:
    text = summary(run(step("build", host("web1", changed=True))), Paint())
    assert text == f"success: 1 ok, 1 changed, 0 skipped, 0 failed, 2.50s, run {RUN}"


def test_failure_names_step_host_code_and_stderr() -> None:
    text = summary(run(BROKEN, status="failed", last_error="it broke"), Paint())
    assert text.splitlines() == [
        "✗ build on web1: failed: exit code 3",
        "    ! one",
        "    ! two",
        "    ! three",
        f"failed: 0 ok, 0 changed, 0 skipped, 1 failed, 2.50s, run {RUN}",
        f"  hint: runyard show {RUN}",
        f"  hint: runyard resume {RUN}   goes on from what is not done",
    ]


def test_exit_code_is_told_when_the_message_is_silent_about_it() -> None:
    broken = step("build", host("web1", "failed", "it broke", exit_code=7))
    assert "failed: exit code 7, it broke" in summary(run(broken, status="failed"), Paint())


def test_stdout_speaks_when_stderr_is_silent() -> None:
    broken = step("build", host("web1", "failed", "exit code 1", stdout="a\nb\n"))
    assert summary(run(broken, status="failed"), Paint()).splitlines()[1:3] == [
        "    | a",
        "    | b",
    ]


def test_reason_of_a_run_without_failed_steps() -> None:
    text = summary(run(status="failed", last_error="disk full"), Paint())
    assert text.splitlines()[0] == "reason: disk full"


def test_survivors_are_a_warning() -> None:
    text = summary(run(step("a", host("h", survivors=1)), status="canceled"), Paint())
    assert "1 processes could not be ended" in text


def test_more_failures_than_can_be_shown() -> None:
    hosts = [host(f"h{n}", "failed", f"exit code {n}") for n in range(10)]
    text = summary(run(step("a", *hosts), status="failed"), Paint())
    assert "… and 7 more failures" in text


def test_the_same_failure_on_many_hosts_is_told_once() -> None:
    hosts = [host(f"h{n}", "failed", "exit code 1", stderr="no\n") for n in range(10)]
    text = summary(run(step("a", *hosts), status="failed"), Paint())
    names = "h[0-9] (10 hosts)"
    assert text.splitlines()[:2] == [f"✗ a on {names}: failed: exit code 1", "    ! no"]
    assert "more failure" not in text


def test_report_groups_many_hosts() -> None:
    hosts = [host(f"h{n}") for n in range(30)] + [host("bad", "failed", "exit code 1")]
    text = report(run(step("a", *hosts), status="failed"), Paint(), lines=0, columns=None)
    assert "h[0-29] (30)" in text
    assert "✗ a on bad: failed: exit code 1" in text


def test_report_tells_warnings_and_errors() -> None:
    record = run(step("a", host("h", warnings=["bad name"])), status="failed", last_error="broke")
    text = report(record, Paint(), lines=3, columns=60)
    assert "warning: a on h: bad name" in text
    assert "error     broke" in text


def long_run() -> RunRecord:
    steps = [step(f"s[{n}]", host("h")) for n in range(5000)]
    for n in range(40):
        steps[n * 100] = step(f"s[{n * 100}]", host("h", "failed", f"exit code {n}"))
    return run(*steps, status="failed")


def test_of_thousands_of_rows_failures_and_the_last_are_shown() -> None:
    text = report(long_run(), Paint(), lines=0, columns=None)
    rows = [line for line in text.splitlines() if line.startswith("s[")]
    assert len(rows) == 60
    assert rows[0].startswith("s[0] ")
    assert rows[39].split()[:3] == ["s[3900]", "h", "failed"]
    assert [row.split()[0] for row in rows[40:]] == [f"s[{n}]" for n in range(4980, 5000)]
    assert "… 4940 of 5000 rows are not shown: 4940 success; --all shows them" in text
    assert "… and 20 more failures" in text
    assert len(text.splitlines()) < 150


def test_everything_is_shown_on_request() -> None:
    text = report(long_run(), Paint(), lines=0, columns=None, everything=True)
    assert len([line for line in text.splitlines() if line.startswith("s[")]) == 5000
    assert text.count("✗") == 40
    assert "--all" not in text


def test_a_run_id_is_not_broken_by_the_width_of_the_screen() -> None:
    whole = summary(run(step("a", host("h"))), Paint(), columns=200)
    assert whole.endswith(f", 2.50s, run {RUN}")
    narrow = summary(run(step("a", host("h"))), Paint(), columns=60)
    assert narrow.splitlines()[-2:] == [whole.split(", run")[0], f"  run {RUN}"]


def test_what_was_not_run_is_said_at_the_end_and_in_the_report() -> None:
    record = run(
        step("one", host("a"), host("b", "failed", "exit code 1", exit_code=1)),
        step("two", host("a"), host("b", "queued")),
        step("three", host("a", "queued"), host("b", "queued"), status="queued"),
        step("four", host("a", "queued"), status="queued"),
        step("five", host("a", "queued"), status="queued"),
        status="failed",
    )
    line = next(line for line in summary(record, Paint()).splitlines() if line[:7] == "failed:")
    assert line == (
        "failed: 2 ok, 0 changed, 0 skipped, 1 failed, not run: two (1 of 2 hosts), "
        f"three (2 hosts), four, and 1 more step, 2.50s, run {RUN}"
    )
    page = report(record, Paint(), lines=0, columns=None)
    assert ["three", "b", "not", "run"] in [line.split()[:4] for line in page.splitlines()]
    record.status = Status.RUNNING  # it may still come to that
    assert "not run" not in summary(record, Paint()) + report(
        record, Paint(), lines=0, columns=None
    )


def test_the_time_of_a_step_is_that_of_its_work() -> None:
    worked = host("a")
    worked.started_at, worked.finished_at, worked.worked = 10.0, 3610.0, 1.5
    text = report(run(step("one", worked)), Paint(), lines=0, columns=None)
    assert ["one", "a", "success", "1.50s"] in [line.split() for line in text.splitlines()]


def test_a_run_that_goes_on_has_taken_until_now(monkeypatch: pytest.MonkeyPatch) -> None:
    record = run(step("one", host("a", "running")), status="running")
    record.finished_at, record.updated_at = None, 11.0
    monkeypatch.setattr("runyard.cli.ending.time.time", lambda: 40.0)
    assert "30.0s" in report(record, Paint(), lines=0, columns=None)


def test_lost_hosts_are_told_of_until_a_cancel_has_ended_what_was_there() -> None:
    lost = host("a", "error", "contact was lost", error={"code": "HOST_LOST", "class": "network"})
    record = run(step("one", lost), status="canceled")
    assert "warning: 1 attempt may still run; resume attaches" in summary(record, Paint())
    record.status = Status.SUCCESS
    assert "warning: 1 attempt may still run; cancel ends it" in summary(record, Paint())
    lost.message = SWEPT
    assert "may still run" not in summary(record, Paint())


def test_a_resume_that_cannot_connect_says_which_inventory_it_has() -> None:
    gone = host("a", "error", "no route", error={"code": "NETWORK", "class": "network"})
    hint = "this run keeps the inventory that it was started with"
    assert hint not in summary(run(step("one", gone), status="failed"), Paint())
    assert hint in summary(run(step("one", gone), status="failed", epoch=2), Paint())
    assert hint not in summary(run(BROKEN, status="failed", epoch=2), Paint())
