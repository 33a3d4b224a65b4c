from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from hypothesis import given

from runyard.expr.scope import Scope, within
from runyard.expr.value import MISSING
from runyard.expr.variables import Variables
from runyard.hosts.inventory import Host, Inventory
from runyard.model.errors import ArgumentError
from tests.unit.expr.strategies import outcome, scopes


def scope_of(workflow: dict[str, Any], **more: Any) -> Scope:
    variables = Variables(Inventory.of([Host("a"), Host("b")]), workflow=workflow)
    variables.record_facts("a", {"os": "linux", "has.git": "/usr/bin/git"})
    return variables.scope("a", **more)


def test_environment_holds_everything_as_text() -> None:
    scope = scope_of(
        {
            "S": "as it is\n",
            "T": True,
            "F": False,
            "N": None,
            "I": -3,
            "D": 1.5,
            "L": [1, "ä", None],
            "M": {"k": True},
            "not-a-name": 1,
            "": 1,
        },
        item={"item": {"x": 1}},
        step_env={"S": "own", "E": 2},
    )
    assert scope.environment() == {
        "S": "own",
        "T": "true",
        "F": "false",
        "N": "",
        "I": "-3",
        "D": "1.5",
        "L": '[1,"ä",null]',
        "M": '{"k":true}',
        "item": '{"x":1}',
        "E": "2",
    }


@pytest.mark.parametrize("value", ["a\0b", ["a", {"b": "\0"}], "\ud800"])
def test_values_that_no_environment_can_carry(value: Any) -> None:
    found = outcome(scope_of({"X": value}).environment)
    if isinstance(found, dict):
        assert "\0" not in found["X"]
    else:
        assert "variable X" in found.message


def test_a_nul_byte_is_refused_with_the_name() -> None:
    with pytest.raises(ArgumentError, match="variable X holds a NUL byte"):
        scope_of({"X": "a\0b"}).environment()


def test_a_value_without_end_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ArgumentError, match="variable X"):
        scope_of({"X": endless}).environment()


def test_too_long_is_left_out_at_the_very_byte() -> None:
    fits, too_long = "x" * (131071 - 2), "x" * (131071 - 1)
    scope = scope_of({"A": fits, "B": too_long, "C": "ä" * 65535})
    env = scope.environment()
    assert set(env) == {"A"}
    subprocess.run(["true"], env=env, check=True)
    with pytest.raises(OSError, match="too long"):
        subprocess.run(["true"], env={"B": too_long}, check=True)


@given(scopes())
def test_any_scope_gives_an_environment_that_a_process_takes(scope: Scope) -> None:
    found = outcome(scope.environment)
    if isinstance(found, ArgumentError):
        assert found.message.startswith("variable ")
        return
    for name, text in found.items():
        assert b"\0" not in os.fsencode(name) + os.fsencode(text)
        assert "=" not in name


def test_lookup_of_dotted_names() -> None:
    scope = scope_of({"m": {"a.b": {"c": [10, {"d": 1}]}}}, item={"item": {"n": 1}})
    assert scope.lookup("m.a.b.c.0") == 10
    assert scope.lookup("m.a.b.c.1.d") == 1
    assert scope.lookup("m.a.b.c.2") is MISSING
    assert scope.lookup("m.a") is MISSING
    assert scope.lookup("item.n") == 1
    assert scope.lookup("item.n.x") is MISSING
    assert scope.lookup("facts.has.git") == "/usr/bin/git"
    assert scope.lookup("hosts.b.m.a.b.c.0") == 10
    assert scope.lookup("secret:NO") is MISSING


def test_within_takes_the_longest_key() -> None:
    assert within({"a": {"b": 1}, "a.b": 2}, ("a", "b")) == 2


def test_a_scope_is_a_map_for_templates() -> None:
    scope = scope_of({"A": 1}, item={"item": 2}, step_env={"E": 3})
    assert dict(scope)["A"] == 1
    assert scope["item"] == 2
    assert scope["facts"]["os"] == "linux"
    assert scope["hosts"]["b"]["A"] == 1
    assert sorted(scope["hosts"]) == ["a", "b"]
    assert len(scope) == 6
    assert "NO" not in scope
    assert json.dumps({name: scope[name] for name in ("A", "item", "E")})


def test_what_is_missing_is_named_with_a_guess() -> None:
    scope = scope_of({"BACKUP": 1}, item={"item": {"name": 1}})
    with pytest.raises(ArgumentError) as caught:
        scope.require("item.nmae", "step x: args.url")
    assert caught.value.message == "step x: args.url: ${item.nmae} is not set"
    assert caught.value.hint == "did you mean ${item.name}?"


def test_the_name_of_the_host_is_a_variable_that_nothing_overrides() -> None:
    scope = scope_of({"RUNYARD_HOST": "x"}, item={"RUNYARD_HOST": "y"})
    assert scope.lookup("RUNYARD_HOST") == scope["RUNYARD_HOST"] == "a"
    assert dict(scope)["RUNYARD_HOST"] == "a" and "RUNYARD_HOST" in scope.names()
    everybody = Variables(Inventory.of([Host("a")])).scope()
    assert everybody.lookup("RUNYARD_HOST") is MISSING and "RUNYARD_HOST" not in everybody.names()
