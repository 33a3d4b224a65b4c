from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.hosts.groups import find_cycle, lay_out
from runyard.hosts.inventory import Group, Host, Inventory
from runyard.model.errors import UsageError


def test_members_are_those_of_the_children_too_own_ones_first() -> None:
    tree = lay_out(
        {"site": ["spare"], "web": ["w1"], "db": ["d1", "w1"]},
        {"site": ["web", "db"], "web": [], "db": ["web"]},
    )
    assert tree.members == {"site": ("spare", "w1", "d1"), "web": ("w1",), "db": ("d1", "w1")}
    assert tree.depth == {"site": 0, "db": 1, "web": 2}


@pytest.mark.parametrize(
    ("children", "message", "hint"),
    [
        ({"a": ["bb"], "b": []}, 'group "a" has the unknown child "bb"', ""),
        ({"web": ["dbs"], "db": []}, 'group "web" has the unknown child "dbs"', "did you mean"),
        (
            {"top": ["c"], "c": ["a"], "a": ["b"], "b": ["c"]},
            "groups contain each other: a → b → c → a",
            'take "a" out of the children of "c"',
        ),
        ({"a": ["a"]}, "groups contain each other: a → a", 'take "a" out'),
    ],
)
def test_refused(children: dict[str, list[str]], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        lay_out(dict.fromkeys(children, ()), children)
    assert caught.value.message == message
    assert hint in caught.value.hint


GRAPHS = st.dictionaries(
    st.sampled_from("abcdefg"), st.lists(st.sampled_from("abcdefg"), max_size=4), max_size=7
)


@given(GRAPHS)
def test_a_cycle_is_a_way_of_children_back_to_its_beginning(graph: dict[str, list[str]]) -> None:
    found = find_cycle(graph)
    assert bool(found) is has_cycle(graph)
    if found:
        assert found[0] == found[-1] == min(found)
        assert len(set(found)) == len(found) - 1
        assert all(b in graph[a] for a, b in pairwise(found))


def has_cycle(graph: dict[str, list[str]]) -> bool:
    left = dict(graph)
    while True:
        ends = [name for name, kids in left.items() if not any(kid in left for kid in kids)]
        if not ends:
            return bool(left)
        for name in ends:
            del left[name]


def test_a_child_comes_after_its_parent_then_priority_then_the_name() -> None:
    groups = [
        Group("z_parent", children=("a_child",)),
        Group("a_child", ("h",)),
        Group("low", ("h",), priority=0),
        Group("early", ("h",)),
        Group("late", ("h",), priority=5),
    ]
    inventory = Inventory.of([Host("h")], groups)
    assert inventory.hosts["h"].groups == ("low", "early", "z_parent", "late", "a_child")


def test_overlaid_wins_one_by_one_and_keeps_the_rest() -> None:
    base = Inventory.of(
        [Host("a", "ssh://a", {"X": 1, "Y": 1}, options={"identity": "k", "become": "root"})],
        [Group("g", ("a",), {"G": 1, "H": 1}), Group("top", children=("g",))],
        {"V": 1, "W": 1},
    )
    found = base.overlaid(
        [Host("a", vars={"Y": 2}, options={"become": ""}), Host("b", "local")],
        [Group("g", ("b",), {"H": 2})],
        {"W": 2},
    )
    host = found.hosts["a"]
    assert (host.address, host.vars) == ("ssh://a", {"X": 1, "Y": 2})
    assert host.options == {"identity": "k", "become": ""}
    assert found.groups["g"].hosts == ("a", "b")
    assert found.groups["g"].vars == {"G": 1, "H": 2}
    assert found.groups["top"].hosts == ("a", "b")
    assert found.vars == {"V": 1, "W": 2}
    assert found.hosts["b"].groups == ("top", "g")


def test_written_down_and_read_again() -> None:
    found = Inventory.of(
        [Host("a", "ssh://a", {"X": "${secret:K}"}, options={"python": "p"}), Host("b")],
        [Group("g", ("b",), {"G": 1}), Group("t", ("a",), children=("g",), priority=0)],
        {"V": [1]},
    )
    again = Inventory.from_dict(found.to_dict())
    assert (again.hosts, again.groups, again.vars) == (found.hosts, found.groups, found.vars)
    assert found.to_dict()["hosts"]["b"] == {}
    assert list(found.layers()) == [{"V": [1]}, {"G": 1}, {}, {"X": "${secret:K}"}, {}]
