"""Names of hosts in few words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.cli.fold import fold_names
from runyard.hosts.pattern import select_names

NAMES = st.from_regex(r"[a-b]{1,2}[0-9]{0,3}([.-][0-9]{1,2}[ab]?)?", fullmatch=True)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["web1"], "web1"),
        ([f"web{n}" for n in range(1, 41)], "web[1-40]"),
        (["web01", "web02", "web03", "web07"], "web[01-03,07]"),
        ([f"web{n:02d}" for n in range(8, 113)], "web[08-112]"),
        (["web1", "web01"], "web1,web01"),
        (["db1", "web2", "web1", "cache"], "db1,web[1-2],cache"),
        (["web2.example.com", "web3.example.com"], "web[2-3].example.com"),
        (["web1.dc2.net", "web2.dc2.net", "web3.dc2.net"], "web[1-3].dc2.net"),
        ([f"r{r}n{n}" for r in (1, 2) for n in (1, 2, 3)], "r1n[1-3],r2n[1-3]"),
        (["n12345678901", "n12345678902"], "n12345678901,n12345678902"),
        (["a", "a"], "a"),
        ([], ""),
    ],
)
def test_names_as_ranges(names: list[str], text: str) -> None:
    assert fold_names(names) == text


@given(st.lists(NAMES, min_size=1, max_size=30, unique=True), st.lists(NAMES, max_size=30))
def test_what_is_written_names_these_hosts_and_no_others(
    names: list[str], others: list[str]
) -> None:
    rank = {name: place for place, name in enumerate([*others, *names])}
    assert set(select_names([fold_names(names)], rank, {})) == set(names)


@pytest.mark.parametrize(
    ("names", "columns", "text"),
    [
        ([f"web{n}" for n in range(1, 41)], 9, "web[1-40]"),
        (["db1", "db2", "cache", "frontend"], 21, "db[1-2],… and 2 more"),
        ([f"n{n}" for n in range(1, 99, 2)], 24, "n[1,3,5,7],… and 45 more"),
        ([f"n{n}" for n in range(1, 99, 2)], 1, "n1,… and 48 more"),
        (["a-very-long-name", "b"], 8, "a-very-long-name,… and 1 more"),
    ],
)
def test_long_lists_are_cut_and_counted(names: list[str], columns: int, text: str) -> None:
    assert fold_names(names, columns) == text


@given(st.lists(NAMES, max_size=60, unique=True), st.integers(20, 60))
def test_no_host_is_forgotten_by_the_count(names: list[str], columns: int) -> None:
    shown, cut, rest = fold_names(names, columns).partition(",… and ")
    left = int(rest.split()[0]) if cut else 0
    rank = {name: place for place, name in enumerate(names)}
    assert len(select_names([shown], rank, {}) if shown else []) + left == len(names)
    assert len(shown) <= columns


def test_ten_thousand_names_are_one_range() -> None:
    assert fold_names([f"web{n:05d}" for n in range(10_000)], 60) == "web[00000-09999]"
