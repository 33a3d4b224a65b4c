"""A compiled workflow as JSON that people can read: what is at its default is left out."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from runyard.engine.action_step import ActionStep
from runyard.expr.when import When
from runyard.model.limits import Limits
from runyard.workflow.document import Workflow

_LEFT_OUT = ("path", "text", "digest", "place", "places", "warnings")


def shape(workflow: Workflow) -> dict[str, Any]:
    """The whole workflow; inventories as hosts, groups and variables."""
    return dict(_value(workflow))


def _value(value: Any) -> Any:
    if isinstance(value, When):
        return f"when {value.text}"
    if isinstance(value, Limits):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, dict):
        return {str(k): _value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_value(v) for v in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return value.name


def _fields(value: Any) -> dict[str, Any]:
    found = {}
    for field in fields(value):
        held = getattr(value, field.name)
        if field.name in _LEFT_OUT or _is_default(field, held):
            continue
        if isinstance(value, ActionStep) and field.name == "key" and held == value.name:
            continue
        found[field.name] = _value(held)
    return found


def _is_default(field: Any, held: Any) -> bool:
    if field.default is not MISSING:
        return bool(held == field.default)
    if field.default_factory is not MISSING:
        return bool(held == field.default_factory())
    return False
