"""The JSON Schema: valid, complete, and bound to the actions."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from runyard.runners.registry import ActionRegistry
from runyard.workflow.keys import TABLES
from runyard.workflow.schema import DIALECT, json_schema

ACTIONS = ActionRegistry()
SCHEMA = json_schema(ACTIONS)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def document(**step: Any) -> dict[str, Any]:
    return {"version": "v0.1", "name": "x", "steps": [{"name": "one", **step}]}


def test_it_is_a_schema() -> None:
    assert SCHEMA["$schema"] == DIALECT
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_every_key_of_every_table_is_described(table: Any) -> None:
    found = SCHEMA if table.name == "workflow" else SCHEMA["$defs"][table.name]
    assert list(found["properties"]) == list(table.keys)
    for name, entry in found["properties"].items():
        assert entry["description"], name
    assert found["additionalProperties"] is False


def test_every_action_is_offered_and_its_arguments_are_bound() -> None:
    offered = SCHEMA["$defs"]["step"]["properties"]["action"]["anyOf"][0]["enum"]
    assert offered == ACTIONS.names()
    for name in offered:
        assert SCHEMA["$defs"][f"args:{name}"]["then"]["properties"]["args"]["description"]


@pytest.mark.parametrize(
    "step",
    [
        {"action": "cmd.run"},
        {"action": "cmd.run", "args": {"script": "date"}},
        {"action": "http.request", "args": {"url": "http://h", "expected_status": "ok"}},
        {"action": "cmd.run", "args": {"cmd": "date"}, "check": {"cmdd": "x"}},
        {"action": "cmd.run", "args": {"cmd": "date"}, "rollback": {"action": "cmd.run"}},
    ],
)
def test_arguments_of_the_action_at_hand(step: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(document(**step))


def test_plugins_and_aliases_are_let_through() -> None:
    assert VALIDATOR.is_valid(document(action="disk.free", args={"path": "/"}))
    assert VALIDATOR.is_valid(document(action="cmd.run", args={"cmd": "date"}))
