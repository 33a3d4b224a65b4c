"""One argument's value: from what was written to what an action reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from runyard.model.action import Param
from runyard.model.duration import parse_duration, parse_size

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def is_open(value: Any) -> bool:
    """True when `value` holds a `${…}` somewhere: its type is known only when substituted."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Mapping):
        return any(is_open(v) for v in value.values())
    if isinstance(value, list | tuple):
        return any(is_open(v) for v in value)
    return False


def to_text(value: Any) -> str:
    """A value as a process sees it: strings as they are, the rest as JSON (contract 1)."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_scalar(value: Any) -> bool:
    """True for text, numbers and booleans."""
    return isinstance(value, str | int | float)


def _string(value: Any) -> str:
    if not is_scalar(value):
        raise ValueError("a string")
    return to_text(value)


def _command(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, list | tuple):
        if not value or not all(is_scalar(v) for v in value):
            raise ValueError("a shell line, or a list of the program and its arguments")
        return tuple(to_text(v) for v in value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a shell line, or a list of the program and its arguments")
    return value


def _int(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,18}", value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("a whole number")
    return value


def _float(value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("a number") from None


def _bool(value: Any) -> bool:
    word = to_text(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("true or false (also yes/no, on/off, 1/0)")


def _duration(value: Any) -> float:
    try:
        return parse_duration(value)
    except (TypeError, AttributeError):
        raise ValueError("a duration such as 30s, 5m or 1h30m") from None
    except ValueError as error:
        raise ValueError(str(error).removeprefix("expected ")) from None


def _size(value: Any) -> int:
    try:
        return parse_size(value)
    except (TypeError, AttributeError):
        raise ValueError("a size such as 64k, 512MB or 2GiB") from None
    except ValueError as error:
        raise ValueError(str(error).removeprefix("expected ")) from None


def _mode(value: Any) -> int:
    text = "" if isinstance(value, bool) else to_text(value).strip().removeprefix("0o")
    if not re.fullmatch(r"0*[0-7]{1,4}", text):
        raise ValueError("an octal file mode such as 0644")
    return int(text, 8)


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(is_scalar(v) for v in value):
        raise ValueError("a list of strings")
    return tuple(to_text(v) for v in value)


def _ints(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError("a list of whole numbers")
    try:
        return tuple(_int(v) for v in value)
    except ValueError:
        raise ValueError("a list of whole numbers") from None


def _map(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        raise ValueError("a map of names to values")
    return dict(value)


def _env(value: Any) -> dict[str, Any]:
    for key in (checked := _map(value)):
        if not NAME.fullmatch(key):
            raise ValueError(f"variable names of letters, digits and _, not {key!r}")
    return checked


_KINDS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "text": _string,
    "raw": _string,
    "command": _command,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "duration": _duration,
    "size": _size,
    "mode": _mode,
    "strings": _strings,
    "ints": _ints,
    "map": _map,
    "env": _env,
    "any": lambda value: value,
}


def convert(param: Param, value: Any) -> Any:
    """The value that the action reads: seconds, bytes, mode bits, tuples.

    Raises:
        ValueError: it cannot be one; the text says what is expected.
    """
    done = _KINDS[param.kind](value)
    if param.choices and done not in param.choices:
        raise ValueError("one of " + ", ".join(param.choices))
    if param.required and param.kind in ("string", "text") and not done.strip():
        raise ValueError("text that is not empty")
    return done
