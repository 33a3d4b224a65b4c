"""Values of INI inventories: what reads as a literal of Python is one, the rest is text."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any

_NUMBER = re.compile(r"0|[1-9]\d{0,17}")
_PERHAPS = re.compile(r"[\s\d\"'+.(\[{-]|(?:True|False|None|\.\.\.)\s*(?:#|$)|[bBuUrR]{1,2}[\"']")
_DOTTED = re.compile(r"\d+(?:\.\d+){2,}")
_LONGEST = 1_000_000


def value_of(text: str) -> Any:
    """`5` is a number, `True` a boolean, `[1, 2]` a list, `'5'` and `yes` are text.

    Tuples and sets become lists; bytes, complex numbers and `...` become text.
    """
    if _NUMBER.fullmatch(text):
        return int(text)
    if not _PERHAPS.match(text) or _DOTTED.fullmatch(text) or len(text) > _LONGEST:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _plain(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, set):
        return sorted((_plain(each) for each in value), key=str)
    if isinstance(value, dict):
        return {_key(key): _plain(each) for key, each in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is ...:
        return "..."
    return str(value) if isinstance(value, complex) else value


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(_plain(key))
