"""The order of steps: what waits for what, and circles in it."""

from __future__ import annotations

from collections.abc import Sequence

Edges = Sequence[tuple[str, list[str] | None]]


def find_circle(edges: Edges) -> list[str]:
    """Names of one circle, each waiting for the next, the first repeated at the end; or nothing.

    A step without `depends_on` waits for the one before it, and that counts as well.
    """
    waits: dict[str, list[str]] = {}
    before: str | None = None
    for name, after in edges:
        waits[name] = after if after is not None else [before] if before is not None else []
        before = name
    state: dict[str, int] = {}
    for start in waits:
        circle = _search(start, waits, state)
        if circle:
            return circle
    return []


def _search(start: str, waits: dict[str, list[str]], state: dict[str, int]) -> list[str]:
    """Depth first without recursion; `state` is 1 on the way, 2 when done."""
    if state.get(start) == 2:
        return []
    way, left = [start], [iter(waits[start])]
    state[start] = 1
    while way:
        following = next(left[-1], None)
        if following is None:
            state[way.pop()] = 2
            left.pop()
        elif state.get(following) == 1:
            return [*way[way.index(following) :], following]
        elif following not in state and following in waits:
            state[following] = 1
            way.append(following)
            left.append(iter(waits[following]))
    return []
