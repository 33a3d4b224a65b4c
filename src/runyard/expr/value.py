"""Values of variables: as text, as numbers, as truth."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final

from runyard.model.errors import ArgumentError


class Missing(Enum):
    """The type of `MISSING`."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER: Final = re.compile(r"[ \t\r\n]*([+-]?)([0-9]+)?(\.[0-9]*)?([eE][+-]?[0-9]+)?[ \t\r\n]*")
_LONGEST_NUMBER: Final = 400
_BOOLS: Final = {"true": True, "yes": True, "false": False, "no": False}


def is_name(name: object) -> bool:
    """Whether a shell can have a variable of that name: `[A-Za-z_][A-Za-z0-9_]*`."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def text_of(value: Any) -> str:
    """A value as a process sees it in its environment.

    Strings as they are, true/false, numbers, null as the empty text, everything else as compact
    JSON (contract 1, "Variables").

    Raises:
        ArgumentError: it has no text: too deep, or a number beyond all bounds.
    """
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None or value is MISSING:
        return ""
    import json

    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    except (ValueError, TypeError, RecursionError) as error:
        raise ArgumentError(
            f"a value of type {type(value).__name__} has no text: {error}"
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    keys = getattr(value, "keys", None)
    return {str(k): value[k] for k in keys()} if callable(keys) else str(value)


def number_of(value: Any) -> int | float | None:
    """The number that a value is or spells (`"42"`, `" 1.5 "`, `"-2e3"`), or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return None
    match = _NUMBER.fullmatch(value)
    if match is None:
        return None
    whole, fraction, exponent = match[2], match[3], match[4]
    if whole is None and fraction in (None, "."):
        return None
    if fraction is None and exponent is None:
        return int(value)
    number = float(value)
    return number if number - number == 0 else None


def bool_of(value: Any) -> bool | None:
    """The truth value that a value is or spells (true, false, yes, no), or None."""
    if isinstance(value, bool):
        return value
    return _BOOLS.get(value.lower()) if isinstance(value, str) else None


def is_true(value: Any) -> bool:
    """Everything but empty, `false`, `0` and `no` (contract 1, "when")."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple | dict):
        return bool(value)
    return text_of(value).lower() not in ("", "false", "0", "no")


def is_equal(left: Any, right: Any) -> bool:
    """Numeric if both are numbers, bool if both are bools, else as text (contract 1, "when")."""
    a, b = number_of(left), number_of(right)
    if a is not None and b is not None:
        return a == b
    p, q = bool_of(left), bool_of(right)
    if p is not None and q is not None:
        return p == q
    return text_of(left) == text_of(right)
