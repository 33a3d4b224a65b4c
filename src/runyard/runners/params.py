"""The arguments of an action: checked when a workflow is compiled, resolved before a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runyard.model.action import Param
from runyard.model.errors import ArgumentError
from runyard.model.execution import CAPTURE
from runyard.model.light import dataclass
from runyard.model.suggest import did_you_mean
from runyard.runners.convert import convert, is_open

OUTPUT = (
    Param(
        "dir",
        "string",
        "directory to run in (default: here, or the home directory of a remote user)",
    ),
    Param("env", "env", "more environment variables, over all others", default={}),
    Param(
        "export_vars",
        "bool",
        "read `BOPS_EXPORT:KEY=value` lines from stdout as variables for later steps",
        default=False,
    ),
    Param(
        "max_output_bytes",
        "size",
        "how much of each stream the result keeps (head and tail); the log keeps everything",
        default=CAPTURE,
    ),
    Param("output_path", "string", "directory on the host for a full copy of both streams"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with an argument.

    Attributes:
        path: keys from `args` down to the value; empty for `args` as a whole.
        key: True when the key itself is wrong (unknown), not its value.
        expected: what would have been right. fix: what to write instead, or "".
    """

    path: tuple[str | int, ...]
    message: str
    expected: str = ""
    fix: str = ""
    key: bool = False


def check_args(params: Sequence[Param], args: Any) -> list[Problem]:
    """Everything that is wrong with `args`, in the order of the document, then what is missing.

    Values with a `${…}` inside are not judged: they have no type before a run.
    """
    if not isinstance(args, Mapping):
        return [Problem((), "args must be a map", "a map of argument names to values")]
    known = {param.name: param for param in params}
    found = []
    for name, value in args.items():
        param = known.get(name)
        if param is None:
            found.append(_unknown(str(name), known))
        elif value is not None and not is_open(value):
            try:
                convert(param, value)
            except ValueError as error:
                found.append(_bad(param, value, str(error)))
    return found + _missing(params, args)


def _unknown(name: str, known: Mapping[str, Param]) -> Problem:
    return Problem(
        (name,),
        f'unknown argument "{name}"',
        "one of " + ", ".join(known) if known else "no arguments",
        did_you_mean(name, known, "{}"),
        key=True,
    )


def _bad(param: Param, value: Any, expected: str) -> Problem:
    fix = ""
    if param.kind in ("strings", "ints") and isinstance(value, str | int | float):
        fix = f"write a list: [{value}]"
    elif param.choices:
        fix = did_you_mean(str(value), param.choices, "{}")
    return Problem((param.name,), f"{param.name} must be {expected}", expected, fix)


def _missing(params: Sequence[Param], args: Mapping[str, Any]) -> list[Problem]:
    given = {name for name, value in args.items() if value is not None}
    found = []
    groups: dict[str, list[str]] = {}
    for param in params:
        if param.one_of:
            groups.setdefault(param.one_of, []).append(param.name)
        elif param.required and param.name not in given:
            found.append(Problem((), f"{param.name} is required", param.doc, f"add {param.name}:"))
    for names in groups.values():
        chosen = [name for name in names if name in given]
        if not chosen:
            words = " or ".join(names)
            found.append(Problem((), f"{words} is required", f"one of {', '.join(names)}"))
        elif len(chosen) > 1:
            words = " and ".join(chosen)
            found.append(
                Problem((chosen[1],), f"{words} exclude each other", "only one of them", key=True)
            )
    return found


def resolve_args(params: Sequence[Param], args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as the action reads them: defaults filled in, seconds, bytes, mode bits.

    Call it after substitution. Every parameter is in the result; None stands for not given.

    Raises:
        ArgumentError: with all problems in one message.
    """
    problems = check_args(params, args)
    resolved: dict[str, Any] = {}
    for param in params:
        value = args.get(param.name)
        if value is None:
            resolved[param.name] = param.default
            continue
        try:
            resolved[param.name] = convert(param, value)
        except ValueError as error:
            if is_open(value):
                problems.append(_bad(param, value, str(error)))
    if problems:
        raise ArgumentError(
            "; ".join(p.message for p in problems),
            hint="; ".join(p.fix for p in problems if p.fix) or None,
        )
    return resolved


def json_schema(params: Sequence[Param]) -> dict[str, Any]:
    """JSON Schema of `args`, for editors; it takes a `${…}` wherever a value may stand."""
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {param.name: _property(param) for param in params},
    }
    if required := [param.name for param in params if param.required and not param.one_of]:
        schema["required"] = required
    groups: dict[str, list[str]] = {}
    for param in params:
        if param.one_of:
            groups.setdefault(param.one_of, []).append(param.name)
    if groups:
        schema["allOf"] = [
            {"oneOf": [{"required": [name]} for name in names]} for names in groups.values()
        ]
    return schema


_OPEN = {"type": "string", "pattern": r"\$\{"}
_SCALAR = {"type": ["string", "number", "boolean"]}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "string": _SCALAR,
    "text": {"type": "string"},
    "raw": {"type": "string"},
    "command": {"anyOf": [{"type": "string"}, {"type": "array", "items": _SCALAR, "minItems": 1}]},
    "int": {"anyOf": [{"type": "integer"}, _OPEN]},
    "float": {"anyOf": [{"type": "number"}, _OPEN]},
    "bool": {
        "anyOf": [
            {"type": "boolean"},
            {"enum": [1, 0, "1", "true", "yes", "on", "0", "false", "no", "off"]},
            _OPEN,
        ]
    },
    "duration": {"type": ["string", "number"]},
    "size": {"type": ["string", "integer"]},
    "mode": {"type": ["string", "integer"]},
    "strings": {"type": "array", "items": _SCALAR},
    "ints": {"type": "array", "items": {"anyOf": [{"type": "integer"}, _OPEN]}},
    "map": {"type": "object"},
    "env": {"type": "object", "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}},
    "any": {},
}


def _property(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = dict(_SCHEMAS[param.kind])
    if param.choices:
        schema = {"anyOf": [{"enum": list(param.choices)}, _OPEN]}
    schema["description"] = param.doc
    if param.default is not None:
        schema["default"] = (
            list(param.default) if isinstance(param.default, tuple) else param.default
        )
    return schema
