from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.hosts.pattern import select_names
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
