"""What of a step on many hosts is told before its end."""

from __future__ import annotations

from runyard.cli.capture import Line
from runyard.cli.grouped_step import PATIENCE, SPEAKERS, GroupedStep

HOSTS = [f"h{n}" for n in range(30)]


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def test_nothing_is_told_of_quick_hosts_however_long_the_step_takes() -> None:
    step = GroupedStep(HOSTS)
    for now, host in enumerate(HOSTS):
        assert step.hear(host, "stdout", ["x"]) == []
        assert step.tick(float(now)) == {}
        step.end(host, "success", "", ())
    assert step.slow


def test_a_slow_host_is_told_what_it_said_and_says() -> None:
    step = GroupedStep(HOSTS)
    step.hear("h1", "stdout", ["one", "two"])
    assert step.tick(0.0) == {}
    told = step.tick(PATIENCE)
    assert {host: texts(lines) for host, lines in told.items()} == {"h1": ["one", "two"]}
    assert texts(step.hear("h1", "stderr", ["three"])) == ["three"]
    assert step.tick(PATIENCE * 2) == {}


def test_what_others_said_at_the_same_place_is_no_news() -> None:
    step = GroupedStep(HOSTS)
    for host in ("h1", "h2"):
        step.hear(host, "stdout", ["same", f"I am {host}"])
    step.tick(0.0)
    told = step.tick(PATIENCE)
    assert texts(told["h1"]) == ["same", "I am h1"]
    assert texts(told["h2"]) == ["I am h2"]
    assert texts(step.hear("h2", "stdout", ["end"])) == ["end"]
    assert texts(step.hear("h1", "stdout", ["end"])) == []


def test_only_the_first_few_who_differ_are_listened_to() -> None:
    step = GroupedStep(HOSTS)
    for host in HOSTS:
        step.hear(host, "stdout", [host])
    step.tick(0.0)
    told = step.tick(PATIENCE)
    assert [host for host, lines in told.items() if lines] == HOSTS[:SPEAKERS]
    assert texts(step.hear("h0", "stdout", ["more"])) == ["more"]
    assert texts(step.hear("h29", "stdout", ["other"])) == []
