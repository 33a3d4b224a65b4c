"""A run as lines of text."""

from __future__ import annotations

from runyard.cli.feed import Item
from runyard.cli.narrator import Narrator
from runyard.cli.style import Paint
from tests.unit.cli.items import chunk, event, result, started


def tell(*items: Item, group: int = 20) -> list[str]:
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


def test_many_hosts_are_counted_and_failures_named() -> None:
    hosts = [f"h{n}" for n in range(30)]
    items: list[Item] = [started("build", *hosts)]
    items += [result("build", host) for host in hosts[:-1]]
    items += [result("build", "h29", "failed", message="exit code 1")]
    items += [event("step.finished", "build", status="failed")]
    assert tell(*items) == [
        "── [1/1] build  (30 hosts)",
        "h29 = failed, 0.50s, exit code 1",
        "= 1 failed, 29 success",
    ]


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
