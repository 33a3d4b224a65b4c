"""Problems of arguments, and arguments as actions read them."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from runyard.model.action import Param
from runyard.model.errors import ArgumentError
from runyard.runners.actions.cmd import CmdRun
from runyard.runners.params import check_args, json_schema, resolve_args
from runyard.runners.registry import ActionRegistry

PARAMS = (
    Param("name", "string", "one", one_of="name or names"),
    Param("names", "strings", "many", one_of="name or names"),
    Param("dest", "string", "where", required=True),
    Param("wait", "duration", "how long", default=5.0),
    Param("state", "string", "which", default="present", choices=("present", "absent")),
)


def messages(args: Any) -> list[str]:
    return [problem.message for problem in check_args(PARAMS, args)]


def test_all_problems_at_once_in_order() -> None:
    found = check_args(PARAMS, {"wait": "soon", "dst": "/x", "state": "presnt"})
    assert [(p.path, p.message, p.fix) for p in found] == [
        (("wait",), "wait must be a duration such as 30s, 5m or 1h30m", ""),
        (("dst",), 'unknown argument "dst"', "did you mean dest?"),
        (("state",), "state must be one of present, absent", "did you mean present?"),
        ((), "dest is required", "add dest:"),
        ((), "name or names is required", ""),
    ]
    assert [p.key for p in found] == [False, True, False, False, False]


def test_good_arguments_have_no_problems() -> None:
    assert messages({"name": "a", "dest": "/x"}) == []


def test_exclusive_arguments() -> None:
    assert messages({"name": "a", "names": ["b"], "dest": "/x"}) == [
        "name and names exclude each other"
    ]


def test_a_scalar_for_a_list_gets_the_fix() -> None:
    assert check_args(PARAMS, {"names": "a", "dest": "/x"})[0].fix == "write a list: [a]"


def test_null_counts_as_not_given() -> None:
    assert messages({"name": "a", "names": None, "dest": None}) == ["dest is required"]


def test_open_values_wait_for_the_run() -> None:
    args = {"name": "a", "dest": "/x", "wait": "${PAUSE}"}
    assert messages(args) == []
    with pytest.raises(ArgumentError, match="wait must be a duration"):
        resolve_args(PARAMS, args)
    assert resolve_args(PARAMS, {**args, "wait": "2m"})["wait"] == 120


def test_resolved_arguments_are_complete() -> None:
    assert resolve_args(PARAMS, {"names": ["a"], "dest": "/x"}) == {
        "name": None,
        "names": ("a",),
        "dest": "/x",
        "wait": 5.0,
        "state": "present",
    }


def test_resolve_tells_everything_in_one_error() -> None:
    with pytest.raises(ArgumentError) as caught:
        resolve_args(PARAMS, {"dst": 1})
    assert caught.value.message == (
        'unknown argument "dst"; dest is required; name or names is required'
    )
    assert "did you mean dest?" in caught.value.hint


def test_text_that_holds_a_reference_is_resolved_as_it_is() -> None:
    assert resolve_args(CmdRun.params, {"cmd": "echo ${A}"})["cmd"] == "echo ${A}"


@pytest.mark.parametrize("name", ActionRegistry().names())
def test_every_schema_is_a_schema(name: str) -> None:
    schema = json_schema(ActionRegistry().require(name).params)
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("args", "good"),
    [
        ({"name": "a", "dest": "/x"}, True),
        ({"name": "a", "dest": "/x", "state": "${S}"}, True),
        ({"dest": "/x"}, False),
        ({"name": "a", "names": ["b"], "dest": "/x"}, False),
        ({"name": "a"}, False),
        ({"name": "a", "dest": "/x", "more": 1}, False),
        ({"name": "a", "dest": "/x", "state": "gone"}, False),
    ],
)
def test_schema_agrees_with_the_check(args: dict[str, Any], good: bool) -> None:
    assert jsonschema.Draft202012Validator(json_schema(PARAMS)).is_valid(args) is good
    assert (check_args(PARAMS, args) == []) is good
