from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.hosts.pattern import select_names, split_patterns
from runyard.model.errors import UsageError

HOSTS = {name: place for place, name in enumerate(("a", "ab", "b1", "b10", "b02", "a.b-c", "[x"))}
GROUPS = {"g": ("a", "b1"), "h": ("ab",)}
PATTERNS = st.text("ab01.*?[]:!&@gh -,", max_size=12)


@given(st.lists(PATTERNS, max_size=4))
def test_any_patterns_select_or_are_refused(patterns: list[str]) -> None:
    try:
        found = select_names(patterns, HOSTS, GROUPS)
    except UsageError as error:
        text = error.message
        assert text.startswith(("unknown target", "target pattern"))
        return
    assert found == [name for name in HOSTS if name in set(found)]


@given(st.text("ab01.*?", min_size=1, max_size=10).filter(lambda text: "*" in text or "?" in text))
def test_globs_agree_with_fnmatch(pattern: str) -> None:
    found = select_names([pattern], HOSTS, GROUPS)
    assert found == [name for name in HOSTS if fnmatch.fnmatchcase(name, pattern)]


@given(st.integers(0, 120), st.integers(0, 120), st.integers(0, 130))
def test_ranges_count(low: int, high: int, number: int) -> None:
    low, high = sorted((low, high))
    found = select_names([f"n[{low}:{high}]x"], {f"n{number}x": 0}, {})
    assert bool(found) is (low <= number <= high)


def test_many_stars_stay_quick() -> None:
    name = "a" * 250
    assert select_names(["*a" * 100 + "b"], {name: 0}, {}) == []


def test_a_group_called_all_is_that_group() -> None:
    assert select_names(["all"], HOSTS, {"all": ("b1",)}) == ["b1"]


def test_a_long_pattern_is_refused() -> None:
    with pytest.raises(UsageError, match="is not valid"):
        select_names(["*" + "a" * 2000], HOSTS, GROUPS)


WEB = {name: place for place, name in enumerate(f"web{n:02d}" for n in range(1, 13))}


@pytest.mark.parametrize("separator", ["-", ":"])
def test_both_ways_of_writing_a_range(separator: str) -> None:
    found = select_names([f"web[09{separator}11]"], WEB, {})
    assert found == ["web09", "web10", "web11"]


def test_a_list_of_ranges_and_numbers_within_brackets() -> None:
    assert select_names(["web[01-03,07],web12"], WEB, {}) == [
        "web01", "web02", "web03", "web07", "web12",
    ]  # fmt: skip


def test_a_range_counts_where_a_class_would_not() -> None:
    hosts = {f"n{n}": n for n in range(50)}
    assert select_names(["n[1-40]"], hosts, {}) == [f"n{n}" for n in range(1, 41)]
    assert select_names(["n[0-9]"], hosts, {}) == [f"n{n}" for n in range(10)]


def test_classes_stay_classes() -> None:
    hosts = {name: n for n, name in enumerate(("n1", "n2", "n12", "na", "nb", "n-"))}
    assert select_names(["n[12]"], hosts, {}) == ["n1", "n2"]
    assert select_names(["n[a-b]"], hosts, {}) == ["na", "nb"]
    assert select_names(["n[!a-b12]"], hosts, {}) == ["n-"]


def test_a_padded_range_is_as_wide_as_it_is_written() -> None:
    hosts = {name: n for n, name in enumerate(("n8", "n08", "n008", "n100"))}
    assert select_names(["n[08-112]"], hosts, {}) == ["n08", "n100"]


def test_a_list_that_runs_backwards_is_refused() -> None:
    with pytest.raises(UsageError, match=r"the range \[3-1\] runs backwards") as caught:
        select_names(["web[1,3-1]"], WEB, {})
    assert caught.value.hint == "write [1-3]"


@given(st.text("a,[]1-", max_size=40))
def test_splitting_loses_only_commas_and_blanks(text: str) -> None:
    parts = split_patterns(text)
    assert all(parts)
    assert "".join("".join(parts).split(",")) == "".join(text.split(","))


def test_a_long_list_of_names_is_split_in_linear_time() -> None:
    names = {f"host{n}": n for n in range(20_000)}
    assert select_names([",".join(names)], names, {}) == list(names)
    assert split_patterns("[" * 50_000) == ["[" * 50_000]


@pytest.mark.parametrize(
    ("ansible", "ours"),
    [
        ("web01:!web02", "write web01,!web02"),
        ("web*:!web02", "write web*,!web02"),
        ("web:&db", "write web & db"),
        ("web:db:&eu:!web[01:02]", "write web & eu,db & eu,!web[01:02]"),
        ("web01:web02", "write web01,web02"),
    ],
)
def test_patterns_of_ansible_are_refused_with_ours(ansible: str, ours: str) -> None:
    with pytest.raises(UsageError) as caught:
        select_names([ansible], WEB, {"web": ["web01"], "db": ["web02"]})
    assert caught.value.message == f'unknown target "{ansible}"'
    assert caught.value.hint == ours
