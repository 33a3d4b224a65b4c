"""A run as lines of text."""

from __future__ import annotations

from typing import Any

from runyard.cli.feed import Item
from runyard.cli.narrator import Narrator
from runyard.cli.style import Paint
from tests.unit.cli.items import chunk, event, result, started


def tell(*items: Item, group: int | None = 20) -> list[str]:
    narrator = Narrator(Paint(), group=group)
    return [line for item in items for line in narrator.tell(item)] + narrator.finish()


def test_header_output_result() -> None:
    assert tell(
        started("build", "web1", "database", index=2, total=3),
        chunk(b"compiling\n"),
        chunk(b"careful\n", host="database", stream="stderr"),
        result("build", "web1", changed=True),
        result("build", "database", "failed", message="exit code 3"),
    ) == [
        "── [2/3] build  (2 hosts)",
        "web1     | compiling",
        "database ! careful",
        "web1     = success, changed, 0.50s",
        "database = failed, 0.50s, exit code 3",
    ]


def test_half_lines_of_two_hosts_are_never_joined() -> None:
    lines = tell(
        started("build", "a", "b"),
        chunk(b"from ", host="a"),
        chunk(b"from b\n", host="b"),
        chunk(b"a\n", host="a"),
    )
    assert lines[1:] == ["b | from b", "a | from a"]


def test_unfinished_line_is_told_before_the_result() -> None:
    lines = tell(started("build", "web1"), chunk(b"no newline"), result("build", "web1"))
    assert lines[1:] == ["web1 | no newline", "web1 = success, 0.50s"]


def test_header_is_repeated_when_steps_alternate() -> None:
    lines = tell(
        started("one", "h"),
        started("two", "h"),
        chunk(b"1\n", step="one", host="h"),
        chunk(b"2\n", step="two", host="h"),
        chunk(b"3\n", step="one", host="h"),
    )
    assert [line for line in lines if line.startswith("──")] == [
        "── [1/1] one",
        "── [1/1] two",
        "── one",
    ]


def headers(*items: Item) -> list[str]:
    return [line for line in tell(*items) if line.startswith("──")]


def test_instances_that_run_at_once_have_one_header_each() -> None:
    assert headers(
        started("w[0]", "h"),
        started("w[1]", "h"),
        event("attempt.started", "w[0]", "h", n=1),
        event("attempt.started", "w[1]", "h", n=1),
        chunk(b"0\n", step="w[0]", host="h"),
        result("w[0]", "h"),
        chunk(b"1\n", step="w[1]", host="h"),
        result("w[1]", "h"),
    ) == ["── [1/1] w[0]", "── [1/1] w[1]"]


def test_a_silent_instance_has_its_header_with_its_result() -> None:
    assert tell(
        started("w[0]", "h"),
        started("w[1]", "h"),
        event("attempt.started", "w[0]", "h", n=1),
        event("attempt.started", "w[1]", "h", n=1),
        result("w[0]", "h"),
        result("w[1]", "h"),
    ) == ["── [1/1] w[0]", "h = success, 0.50s", "── [1/1] w[1]", "h = success, 0.50s"]


def test_a_step_that_follows_another_has_its_header_when_it_begins() -> None:
    assert tell(
        started("one", "h"),
        event("attempt.started", "one", "h", n=1),
        result("one", "h"),
        started("two", "h"),
        event("attempt.started", "two", "h", n=1),
    ) == ["── [1/1] one", "h = success, 0.50s", "── [1/1] two"]


HOSTS = [f"h{n:02d}" for n in range(30)]


def said(host: str, *lines: str, step: str = "build", **more: Any) -> list[Item]:
    """What a host prints and how it ends."""
    text = "".join(f"{line}\n" for line in lines)
    return [chunk(text.encode(), step=step, host=host), result(step, host, **more)]


def test_equal_outputs_of_many_hosts_are_told_once() -> None:
    items: list[Item] = [started("build", *HOSTS)]
    for host in HOSTS[:-2]:
        items += said(host, "one", "two")
    items += said("h28", "one", "other")
    items += said("h29", "no", status="failed", message="exit code 1")
    assert tell(*items, event("step.finished", "build", status="failed")) == [
        "── [1/1] build  (30 hosts)",
        "h[00-27]: same 2 lines",
        "  | one",
        "  | two",
        "h28 | one",
        "h28 | other",
        "h29 | no",
        "h29 = failed, exit code 1",
        "= 1 failed, 29 success",
    ]


def test_groups_of_failures_and_of_silence() -> None:
    items: list[Item] = [started("build", *HOSTS)]
    for host in HOSTS:
        bad = host in ("h03", "h07")
        items += said(host, status="failed", message="exit code 1") if bad else said(host)
    assert tell(*items, event("step.finished", "build", status="failed")) == [
        "── [1/1] build  (30 hosts)",
        "h[00-02,04-06,08-29]: no output",
        "h[03,07]: failed, exit code 1",
        "= 2 failed, 28 success",
    ]


def test_a_group_says_that_its_failure_is_tolerated() -> None:
    items: list[Item] = [started("build", *HOSTS)]
    for host in HOSTS:
        items += said(host, "x", status="failed", message="exit code 3", tolerated=True)
        items += [event("warning.raised", "build", host, code="TOLERATED", message="exit code 3")]
    told = tell(*items, event("step.finished", "build", status="failed"))
    assert told[1:] == [
        "h[00-29]: failed, exit code 3, tolerated, same 1 line",
        "  | x",
        "= 30 failed",
    ]


def test_hosts_that_were_not_started_are_counted() -> None:
    items: list[Item] = [started("build", *HOSTS), result("build", "h00", "failed")]
    over = event("step.finished", "build", status="failed")
    assert tell(*items, over)[-1] == "= 1 failed, 29 not started"
    assert tell(event("run.resumed"), *items, over)[-1] == "= 1 failed"


def test_warnings_belong_to_the_group() -> None:
    items: list[Item] = [started("build", *HOSTS)]
    for host in HOSTS:
        items += said(host, "x", warnings=["bad name"])
    told = tell(*items, event("step.finished", "build", status="success"))
    assert told[1:4] == ["h[00-29]: same 1 line", "  | x", "  ~ warning: bad name"]


def test_of_long_output_head_and_tail_are_told_and_where_the_rest_is() -> None:
    items: list[Item] = [started("build", *HOSTS)]
    for host in HOSTS:
        items += said(host, *map(str, range(1000)))
    told = tell(*items, event("step.finished", "build", status="success"))
    assert told[1:3] == ["h[00-29]: same 1000 lines", "  | 0"]
    (more,) = [line for line in told if "more lines" in line]
    assert more.endswith("more lines: runyard logs run-12345678 --step build --host h00")
    assert told[-2:] == ["  | 999", "= 30 success"]
    assert len(told) < 210


def test_what_waits_for_its_group_is_told_when_the_view_ends() -> None:
    items: list[Item] = [started("build", *HOSTS), chunk(b"half", host="h01")]
    assert tell(*items) == ["── [1/1] build  (30 hosts)", "h01 | half"]


def test_slow_hosts_and_failures_of_a_slow_step_are_told_at_once() -> None:
    narrator = Narrator(Paint())
    narrator.tell(started("build", *HOSTS))
    narrator.tell(chunk(b"working\n", host="h01"))
    assert narrator.tick(0.0) == []
    assert narrator.progress() == ["~ build: 0 of 30 hosts done, 1 running"]
    assert narrator.tick(60.0) == ["── [1/1] build  (30 hosts)", "h01 | working"]
    assert narrator.tell(chunk(b"on\n", host="h01", offset=8)) == ["h01 | on"]
    assert narrator.tell(result("build", "h02", "failed", message="exit code 9")) == [
        "h02 = failed, 0.50s, exit code 9"
    ]
    assert narrator.tell(result("build", "h03")) == []


def test_a_retry_begins_the_output_of_the_host_anew() -> None:
    items: list[Item] = [started("build", *HOSTS)]
    items += [chunk(b"no\n", host="h00")]
    items += [event("retry.scheduled", "build", "h00", n=2, delay=0.0, reason="exit code 1")]
    for host in HOSTS:
        items += said(host, "yes")
    told = tell(*items, event("step.finished", "build", status="success"))
    assert told[1:] == [
        "h00 ~ retry: attempt 2 in 0.00s (exit code 1)",
        "h[00-29]: same 1 line",
        "  | yes",
        "= 30 success",
    ]


def test_notes_about_many_hosts_are_counted() -> None:
    items: list[Item] = [started("build", *HOSTS)]
    items += [event("warning.raised", "build", host, message="waits") for host in HOSTS]
    told = tell(*items, event("step.finished", "build", status="success"))
    assert [line for line in told if "waits" in line] == [
        f"{host} ~ warning: waits" for host in HOSTS[:20]
    ]
    assert "~ … and 10 more notes: runyard events run-12345678" in told


def test_without_groups_every_line_is_told_and_many_results_are_counted() -> None:
    items: list[Item] = [started("build", *HOSTS)]
    for host in HOSTS[:-1]:
        items += said(host, "x")
    items += said("h29", "y", status="failed", message="exit code 1")
    told = tell(*items, event("step.finished", "build", status="failed"), group=None)
    assert told[1:30] == [f"{host} | x" for host in HOSTS[:-1]]
    assert told[30:] == ["h29 | y", "h29 = failed, 0.50s, exit code 1", "= 1 failed, 29 success"]


def test_a_few_hosts_are_grouped_when_asked_to() -> None:
    items: list[Item] = [started("build", "a", "b"), *said("a", "x"), *said("b", "x")]
    assert tell(*items, event("step.finished", "build", status="success"), group=1) == [
        "── [1/1] build  (2 hosts)",
        "a,b: same 1 line",
        "  | x",
        "= 2 success",
    ]


def test_output_that_comes_after_the_end_of_its_host_is_told() -> None:
    items: list[Item] = [started("build", *HOSTS), *said("h00", "x")]
    assert "h00 | late" in tell(*items, chunk(b"late\n", host="h00", offset=2))


def test_a_silent_step_has_its_header_when_it_begins() -> None:
    assert tell(started("build", "h")) == []
    begun = event("attempt.started", "build", "h", n=1)
    assert tell(started("build", "h"), begun, begun) == ["── [1/1] build"]


def test_skipped_tells_why() -> None:
    lines = tell(
        started("build", "h"), result("build", "h", "skipped", message="when is false: ${X}")
    )
    assert lines[1] == "h = skipped, when is false: ${X}"


def test_retry_and_warnings_and_approval() -> None:
    lines = tell(
        started("build", "h"),
        chunk(b"half", host="h"),
        event("retry.scheduled", "build", "h", n=2, delay=1.0, reason="exit code 1"),
        event("warning.raised", "build", message="careful", code="X"),
        event("approval.requested", "deploy", message="sure?"),
        event("approval.decided", "deploy", decision="approved", by="ann", comment="ok"),
        result("build", "h", warnings=["bad name"]),
    )
    assert lines[1:] == [
        "h | half",
        "h ~ retry: attempt 2 in 1.00s (exit code 1)",
        "~ warning: careful",
        "── deploy",
        "~ waits for approval: sure?",
        "~ approval: approved by ann: ok",
        "── build",
        "h = success, 0.50s",
        "h ~ warning: bad name",
    ]


def test_unknown_events_are_no_lines() -> None:
    assert tell(event("some.thing"), event("run.queued")) == []
