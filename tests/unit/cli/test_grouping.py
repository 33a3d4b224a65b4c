"""Hosts by what they printed."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.cli.grouping import Grouping

HOSTS = ("a", "b", "c", "d")


def grouped(said: dict[str, str], order: tuple[str, ...] = HOSTS) -> list[tuple[list[str], str]]:
    grouping = Grouping(HOSTS)
    for host in order:
        if host in said:
            grouping.hear(host, "stdout", [said[host]])
            grouping.end(host, "success")
    return [(g.hosts, g.capture.kept[0].text) for g in grouping.groups()]


@pytest.mark.parametrize("order", list(permutations(HOSTS)))
def test_groups_do_not_depend_on_who_is_quick(order: tuple[str, ...]) -> None:
    said = {"a": "x", "b": "y", "c": "x", "d": "z"}
    assert grouped(said, order) == [(["a", "c"], "x"), (["b"], "y"), (["d"], "z")]


def test_the_largest_group_is_first() -> None:
    assert grouped({"a": "x", "b": "y", "c": "y"}) == [(["b", "c"], "y"), (["a"], "x")]


@given(st.dictionaries(st.sampled_from(HOSTS), st.sampled_from("xyz")))
def test_every_host_is_in_one_group(said: dict[str, str]) -> None:
    found = grouped(said)
    assert sorted(host for hosts, _ in found for host in hosts) == sorted(said)
    assert all({said[host] for host in hosts} == {text} for hosts, text in found)


def test_ends_that_differ_are_different_groups() -> None:
    grouping = Grouping(HOSTS)
    for host, status, message, warnings in (
        ("a", "success", "", ()),
        ("b", "failed", "exit code 1", ()),
        ("c", "failed", "exit code 2", ()),
        ("d", "success", "", ("careful",)),
    ):
        grouping.end(host, status, message, warnings)
    assert [group.hosts for group in grouping.groups()] == [["a"], ["b"], ["c"], ["d"]]


def test_another_try_forgets_what_the_one_before_printed() -> None:
    grouping = Grouping(HOSTS)
    grouping.hear("a", "stdout", ["half"])
    grouping.again("a")
    for host in "ab":
        grouping.hear(host, "stdout", ["whole"])
        grouping.end(host, "success")
    assert [group.hosts for group in grouping.groups()] == [["a", "b"]]


def test_a_host_ends_once_and_is_known_to_have() -> None:
    grouping = Grouping(HOSTS)
    grouping.end("a", "failed")
    grouping.end("a", "success")
    assert grouping.has_ended("a") and not grouping.has_ended("b")
    assert [(g.hosts, g.status) for g in grouping.groups()] == [(["a"], "failed")]


def test_who_has_not_ended_is_running() -> None:
    grouping = Grouping(HOSTS)
    grouping.hear("b", "stdout", ["x"])
    assert [(g.hosts, g.status) for g in grouping.groups()] == [(["b"], "running")]


def test_thousands_of_different_outputs_take_bounded_memory() -> None:
    hosts = [f"web{n}" for n in range(4_000)]
    grouping = Grouping(hosts)
    lines = ["x" * 100] * 150
    for host in hosts:
        grouping.hear(host, "stdout", [host, *lines])
        grouping.end(host, "success")
    groups = grouping.groups()
    assert len(groups) == 4_000
    kept = sum(len(line.text) + 160 for group in groups for line in group.capture.kept)
    assert kept < 36 * 1024 * 1024 < 4_000 * sum(len(line) for line in lines)
