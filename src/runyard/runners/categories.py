"""The built-in categories: how a command and its JSON become the arguments of an action."""

from __future__ import annotations

import json
from typing import Any

from runyard.model.errors import ArgumentError


def parse_command(command: str, args: str) -> dict[str, Any]:
    """Category `command`: the program, and a JSON array of its arguments.

    The whole document `{"command": …, "args": …}` in `args` is taken too, with no `command`.
    """
    given = _json(args, [])
    if isinstance(given, dict):
        if command:
            raise ArgumentError("args must be a JSON array of the command's arguments")
        return _nested(given)
    return {"command": command, "args": _words(given)}


def parse_script(command: str, args: str) -> dict[str, Any]:
    """Category `script`: `{"script_path" | "path" | "script", "interpreter", "args"}`.

    A `command` is the path when the object has none.
    """
    given = _nested(_object(args))
    if "script_path" in given:
        given["path"] = given.pop("script_path")
    if command and not given.keys() & {"path", "script"}:
        given["path"] = command
    return given


def parse_docker(command: str, args: str) -> dict[str, Any]:
    """Category `docker`: `{"image", "command", "args", "volumes", "env", …}` as of `docker.run`.

    A `command` is run in the container when the object has none.
    """
    given = _nested(_object(args))
    if command:
        given.setdefault("command", command)
    return given


def parse_http(command: str, args: str) -> dict[str, Any]:
    """Category `http`: `{"url", "method", "headers", "body", …}` as of `http.request`.

    A `command` is the URL when the object has none.
    """
    given = _object(args)
    if command:
        given.setdefault("url", command)
    return given


def _json(text: str, empty: Any) -> Any:
    if not text.strip():
        return empty
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"args is not JSON: {error}", hint='such as ["-l", "/tmp"]') from None


def _object(text: str) -> dict[str, Any]:
    given = _json(text, {})
    if not isinstance(given, dict):
        raise ArgumentError("args must be a JSON object")
    return given


def _nested(given: dict[str, Any]) -> dict[str, Any]:
    """`args` inside an object: an array, or a string that holds one."""
    if "args" in given:
        inner = given["args"]
        given["args"] = _words(_json(inner, []) if isinstance(inner, str) else inner)
    return given


def _words(given: Any) -> list[Any]:
    if not isinstance(given, list) or not all(isinstance(v, str | int | float) for v in given):
        raise ArgumentError("args must be a JSON array of strings", hint='such as ["-l", "/tmp"]')
    return given
