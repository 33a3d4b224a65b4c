"""The composer: places, bounds, aliases."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.workflow.compose import compose
from runyard.workflow.node import Node
from runyard.workflow.report import Report
from runyard.workflow.source import Source


def read(text: str) -> tuple[Node | None, list[str]]:
    source = Source("f", text)
    report = Report(source)
    root = compose(source, report)
    return root, [f"{d.code} {d.line}:{d.col}" for d in report.diagnostics]


def parsed(text: str) -> Node:
    root, found = read(text)
    assert root is not None
    assert found == []
    return root


def test_places_count_from_one_in_characters() -> None:
    root = parsed('a: 说\n部: {x: "y"}\n')
    assert [(k.line, k.col, k.end_col) for k in (root.keys or {}).values()] == [
        (1, 1, 2),
        (2, 1, 2),
    ]
    inner = root.at(("部", "x"))
    assert (inner.line, inner.col, inner.end_col) == (2, 8, 11)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "&a [", "{? ["])
@pytest.mark.parametrize("times", [10_000, 1_000_000])
def test_deep_nesting_ends_at_the_bound(opening: str, times: int) -> None:
    root, found = read(opening * times)
    assert root is None
    assert found[0].startswith("WF010 1:")


def test_deep_block_nesting() -> None:
    _, found = read("".join(" " * n + "a:\n" for n in range(2000)))
    assert found == ["WF010 101:101"]


def test_a_hundred_levels_are_fine() -> None:
    assert parsed("[" * 100 + "]" * 100).height == 99


def test_many_values() -> None:
    _, found = read("[" + "1," * 1_000_001 + "]")
    assert found[0].startswith("WF011 1:")


def test_aliases_are_the_same_value() -> None:
    root = parsed("a: &x {b: [1]}\nc: *x\n")
    assert root.value["a"] is root.value["c"]
    assert root.size == 1 + 2 + 2 * 4


def test_an_anchor_may_be_used_again() -> None:
    assert parsed("[&x 1, *x, &x 2, *x]").plain() == [1, 1, 2, 2]


def test_merging() -> None:
    root = parsed("base: &b {x: 1, y: 2}\nz: {<<: *b, y: 3}\nw: {<<: [{x: 9}, *b]}\n")
    assert root.at(("z",)).plain() == {"y": 3, "x": 1}
    assert root.at(("w",)).plain() == {"x": 9, "y": 2}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert parsed('"<<": 1').plain() == {"<<": 1}


def test_keys_are_texts() -> None:
    assert parsed("1: a\ntrue: b\n~: c\n").plain() == {"1": "a", "true": "b", "~": "c"}


def test_nothing_is_no_document() -> None:
    assert read("") == (None, [])
    assert read("# only this\n") == (None, [])


def test_a_lone_surrogate() -> None:
    assert read("a: b\nc: \ud800\n")[1] == ["WF005 2:1"]


def test_reading_goes_on_behind_a_line_that_can_be_repaired() -> None:
    root, found = read('a: "x" y\nb: 1\nb: 2\n\tc: 3\n')
    assert root is not None
    assert found == ["WF018 1:4", "WF013 3:1", "WF008 4:1"]


TEXTS = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"), exclude_characters="\ufeff")
)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS,
        lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
        max_leaves=20,
    )
)
def test_json_is_read_as_it_is(value: object) -> None:
    source = Source("f", json.dumps(value, ensure_ascii=False))
    root = compose(source, Report(source))
    assert root is not None
    assert root.plain() == value
