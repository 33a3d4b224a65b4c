"""The last words about a run, and the page about it."""

from __future__ import annotations

from runyard.cli.style import Paint
from runyard.cli.views.report import report
from runyard.cli.views.summary import summary
from runyard.model.run import RunRecord
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
