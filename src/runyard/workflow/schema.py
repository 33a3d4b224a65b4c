"""The JSON Schema of a workflow, for editors: made from the tables and the actions."""

from __future__ import annotations

from typing import Any

from runyard.model.action import Actions
from runyard.runners.params import json_schema as args_schema
from runyard.workflow.keys import DOCUMENT, TABLES, VERSION

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_WITH_ACTION = ("step", "task_step", "handler", "call")


def json_schema(actions: Actions) -> dict[str, Any]:
    """Draft 2020-12; every action's arguments hang on the step's `action` by if/then.

    It is as strict as one file can tell: names that must exist are the compiler's to check.
    """
    definitions = {table.name: table.define() for table in TABLES if table is not DOCUMENT}
    names = actions.names()
    found = {name: action for name in names if (action := actions.get(name)) is not None}
    for name in _WITH_ACTION:
        definition = definitions[name]
        definition["properties"]["action"] = {
            "description": "what to do",
            "anyOf": [
                {"enum": names},
                {"type": "string", "description": "an alias, or an action of a plugin"},
            ],
        }
        definition["allOf"] = [{"$ref": f"#/$defs/args:{action}"} for action in names]
    command = {"$ref": "#/$defs/args:cmd.run/then/properties/args"}
    for name in ("step", "task_step"):
        check = definitions[name]["properties"]["check"]
        check["anyOf"] = [{"type": "string", "minLength": 1}, command]
    for name, action in found.items():
        definitions[f"args:{name}"] = _bind(name, action.summary, args_schema(action.params))
    schema = DOCUMENT.define()
    schema["properties"]["version"] = {"const": VERSION, "description": "the format's version"}
    schema["oneOf"] = [
        {"required": ["steps"], "properties": {"steps": {"minItems": 1}}},
        {"required": ["modules"], "properties": {"modules": {"minItems": 1}}},
    ]
    return {
        "$schema": DIALECT,
        "title": "runyard workflow",
        **schema,
        "$defs": definitions,
    }


def _bind(name: str, summary: str, args: dict[str, Any]) -> dict[str, Any]:
    """`action: NAME` asks for these arguments."""
    args = {"description": summary, **args}
    needed = bool(args.get("required") or args.get("allOf"))
    either: dict[str, Any] = {"anyOf": [{"required": ["args"]}, {"required": ["with"]}]}
    return {
        "if": {"required": ["action"], "properties": {"action": {"const": name}}},
        "then": {"properties": {"args": args, "with": args}, **(either if needed else {})},
    }
