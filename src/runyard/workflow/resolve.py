"""Scalars by the rules of YAML 1.2's core schema, not those of YAML 1.1."""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]+)|(?P<oct>0o[0-7]+)|(?P<hex>0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)"
    r"|(?P<inf>[-+]?\.(inf|Inf|INF))|(?P<nan>\.(nan|NaN|NAN))"
)
_STARTS = frozenset("0123456789+-.")
MAX_DIGITS = 1000
"""Longer digits stay text: Python bounds what it prints, and no action counts so far."""


def resolve(text: str) -> Scalar:
    """The value of a plain scalar: `012` is 12, `on` and `1:30` are strings, timestamps too."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS or len(text) > MAX_DIGITS:
        return text
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    kind = match.lastgroup
    if kind == "int":
        return int(text)
    if kind == "oct":
        return int(text[2:], 8)
    if kind == "hex":
        return int(text[2:], 16)
    if kind == "inf":
        return float("-inf") if text[0] == "-" else float("inf")
    return float("nan") if kind == "nan" else float(text)


CORE = "tag:yaml.org,2002:"


def resolve_tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with an explicit tag such as `!!str` or `!!int`.

    Raises:
        ValueError: the tag is not one of the core schema, or the text is not of its type.
    """
    if tag == CORE + "str":
        return text
    wanted = {
        CORE + "int": int, CORE + "float": float, CORE + "bool": bool, CORE + "null": type(None),
    }.get(tag)  # fmt: skip
    if wanted is None:
        raise ValueError(f"the tag {short_tag(tag)} is not supported")
    value = resolve(text)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 1e300 else float("inf")
    if type(value) is not wanted:
        raise ValueError(f"{text[:40]!r} is not of the type {short_tag(tag)}")
    return value


def short_tag(tag: str) -> str:
    """A tag as people write it: `!!int`."""
    return "!!" + tag[len(CORE) :] if tag.startswith(CORE) else tag
