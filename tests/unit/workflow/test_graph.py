"""Circles in the order of steps."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from runyard.workflow.graph import find_circle

Edges = list[tuple[str, list[str] | None]]


def waits_of(edges: Edges) -> dict[str, list[str]]:
    names = [name for name, _ in edges]
    return {
        name: after if after is not None else names[max(0, n - 1) : n]
        for n, (name, after) in enumerate(edges)
    }


def can_be_done(edges: Edges) -> bool:
    """Start whatever waits for nothing that is open, until nothing changes."""
    open_ = waits_of(edges)
    while ready := [name for name, after in open_.items() if not set(after) & set(open_)]:
        for name in ready:
            del open_[name]
    return not open_


EDGES = st.integers(1, 8).flatmap(
    lambda size: st.lists(
        st.none() | st.lists(st.integers(0, size - 1).map(str), max_size=3),
        min_size=size,
        max_size=size,
    )
)


@given(EDGES)
def test_a_circle_is_found_exactly_when_the_work_cannot_be_done(
    after: list[list[str] | None],
) -> None:
    edges: Edges = [(str(n), waits) for n, waits in enumerate(after)]
    circle = find_circle(edges)
    assert bool(circle) is not can_be_done(edges)
    waits = waits_of(edges)
    assert all(then in waits[name] for name, then in itertools.pairwise(circle))
    assert not circle or circle[0] == circle[-1]


def test_a_long_chain_does_not_recurse() -> None:
    edges: Edges = [(str(n), [str(n + 1)]) for n in range(50_000)]
    assert find_circle([*edges, ("50000", [])]) == []
    assert len(find_circle([*edges, ("50000", ["0"])])) == 50_002
