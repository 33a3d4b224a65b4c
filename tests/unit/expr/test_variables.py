from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.expr.environment import UNSAFE_EXPORTS
from runyard.expr.value import MISSING
from runyard.expr.variables import PRECEDENCE, Variables
from runyard.hosts.inventory import Group, Host, Inventory

LAYERS = [name for name, _ in PRECEDENCE]


def lookup_with(layers: set[str], name: str = "X") -> Any:
    """What `name` is on host web1 when exactly `layers` set it, each to its own name."""

    def layer(wanted: str) -> dict[str, Any]:
        return {name: wanted} if wanted in layers else {}

    inventory = Inventory.of(
        [Host("web1", vars=layer("host"))],
        [Group("b", ("web1",), layer("groups")), Group("a", ("web1",), {name: "earlier group"})],
        layer("inventory"),
    )
    variables = Variables(
        inventory, defaults=layer("defaults"), workflow=layer("workflow"), cli=layer("--var")
    )
    variables.record_env("one", {"web1": layer("env.set")})
    variables.record_exports("one", {"web1": layer("exports")})
    scope = variables.scope("web1", item=layer("item"), step_env=layer("env"))
    return scope.lookup(name)


@given(st.sets(st.sampled_from(LAYERS), min_size=1))
def test_the_highest_layer_wins(layers: set[str]) -> None:
    highest = max(layers, key=LAYERS.index)
    expected = highest if LAYERS.index(highest) >= LAYERS.index("groups") else "earlier group"
    assert lookup_with(layers) == expected


def three_hosts(**more: Any) -> Variables:
    return Variables(Inventory.of([Host("a"), Host("b"), Host("c.example.com")]), **more)


def test_own_export_first_then_the_runs() -> None:
    variables = three_hosts()
    variables.record_exports("one", {"a": {"X": "of a"}, "b": {"X": "of b"}})
    assert variables.scope("a").lookup("X") == "of a"
    assert variables.scope("b").lookup("X") == "of b"
    assert variables.scope("c.example.com").lookup("X") == "of b"
    assert variables.scope().lookup("X") == "of b"
    assert variables.scope("c.example.com").lookup("hosts.a.X") == "of a"
    assert variables.scope("a").lookup("hosts.c.example.com.X") == "of b"
    assert variables.scope("a").lookup("hosts.nobody.X") is MISSING
    assert variables.scope("a").lookup("hosts.a") is MISSING


def test_a_host_keeps_its_own_export_over_a_later_one_of_another() -> None:
    variables = three_hosts()
    variables.record_exports("one", {"a": {"X": "old"}})
    variables.record_exports("two", {"b": {"X": "new"}})
    assert variables.scope("a").lookup("X") == "old"
    assert variables.scope().lookup("X") == "new"


@given(
    st.permutations([("one", "a"), ("one", "b"), ("two", "a"), ("two", "b")]),
    st.lists(st.sampled_from([("one", "a"), ("one", "b"), ("two", "b")])),
)
def test_the_runs_value_does_not_depend_on_who_was_faster(
    arrival: list[tuple[str, str]], again: list[tuple[str, str]]
) -> None:
    variables = three_hosts(order=["one", "two"])
    for step, host in arrival + again:
        variables.record_exports(step, {host: {"X": f"{step} {host}"}})
    assert variables.scope().lookup("X") == "two b"


def test_different_values_are_a_warning_once_per_name() -> None:
    variables = three_hosts()
    exports = {"a": {"X": 1, "Y": 1}, "b": {"X": 2, "Y": 1}, "c.example.com": {"X": 3}}
    (warning,) = variables.record_exports("one", exports)
    assert 'export "X" differs between hosts' in warning
    assert "c.example.com, the last by host order" in warning


def test_different_values_that_come_one_by_one_are_a_warning() -> None:
    variables = three_hosts()
    assert variables.record_exports("one", {"b": {"X": 2}}) == []
    assert len(variables.record_exports("one", {"a": {"X": 1}})) == 1
    assert variables.record_exports("two", {"a": {"X": 3}}) == []
    assert variables.record_exports("two", {"b": {"X": 3}}) == []


def test_shadowed_by_the_command_line() -> None:
    variables = three_hosts(cli={"X": "mine"})
    assert variables.record_exports("one", {"a": {"X": "theirs"}}) == [
        'export "X" is shadowed by --var X'
    ]
    assert variables.scope("a").lookup("X") == "mine"
    assert variables.scope("b").lookup("hosts.a.X") == "mine"


@pytest.mark.parametrize("name", ["", "1X", "A-B", "A B", "A.B", "Ä", "X\n", "x" * 200 + "-"])
def test_bad_names_are_dropped(name: str) -> None:
    variables = three_hosts()
    (warning,) = variables.record_exports("one", {"a": {name: "v", "GOOD": 1}})
    assert "is dropped: a name is [A-Za-z_][A-Za-z0-9_]*" in warning
    assert set(variables.scope("a").environment()) == {"GOOD"}


@pytest.mark.parametrize("name", sorted(UNSAFE_EXPORTS))
def test_an_export_cannot_make_others_run_code(name: str) -> None:
    variables = three_hosts()
    (warning,) = variables.record_exports("one", {"a": {name: "$(touch x)"}})
    assert f'export "{name}" is dropped' in warning
    assert variables.scope("a").environment() == {}
    assert variables.record_env("one", {"a": {name: "by the author"}}) == []
    assert variables.scope("a").environment() == {name: "by the author"}


def test_an_export_that_no_environment_can_carry() -> None:
    variables = three_hosts()
    found = variables.record_exports("one", {"a": {"N": "a\0b", "LONG": "x" * 200_000}})
    assert found[0].startswith('export "N" is dropped')
    assert found[1].startswith('export "LONG" is too long for an environment')
    scope = variables.scope("a")
    assert scope.lookup("N") is MISSING
    assert len(scope.lookup("LONG")) == 200_000
    assert scope.environment() == {}


def test_a_secret_that_was_exported_is_its_value_again() -> None:
    variables = three_hosts(
        secrets={"T": "hunter22"}, workflow={"W": "${secret:T}", "L": "x${secret:T}"}
    )
    variables.record_exports("one", {"a": {"X": "${secret:T}", "Y": "${secret:NO}"}})
    scope = variables.scope("a")
    assert scope.lookup("X") == "hunter22"
    assert scope.lookup("W") == "hunter22"
    assert scope.lookup("Y") == "${secret:NO}"
    assert scope.lookup("L") == "xhunter22"
    assert "hunter22" not in json.dumps(variables.snapshot())


def test_snapshot_and_restore() -> None:
    variables = three_hosts(order=["one"])
    variables.record_exports("one", {"a": {"X": [1]}, "b": {"X": {"y": None}}})
    variables.record_exports("late", {"a": {"Z": 1}})
    variables.record_env("one", {"a": {"E": "e"}})
    variables.record_facts("a", {"os": "linux"})
    data = json.loads(json.dumps(variables.snapshot()))
    again = three_hosts(order=["one"])
    again.restore(data)
    for host in ("a", "b", None):
        assert dict(again.scope(host)) == dict(variables.scope(host))
    again.record_exports("one", {"a": {"Z": 2}})
    assert again.scope().lookup("Z") == 1
    assert again.snapshot()["steps"] == {"one": 0, "late": 1}


def test_a_scope_does_not_change_afterwards() -> None:
    variables = three_hosts()
    before = variables.scope("a")
    variables.record_exports("one", {"a": {"X": 1}})
    assert before.lookup("X") is MISSING
    assert before.environment() == {}
    assert variables.scope("a").lookup("X") == 1
