"""`${X}` in everything that is not shell text: urls, headers, paths, image names, env values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from runyard.expr.error import ExprError
from runyard.expr.path import PATH_TEXT, SECRET_TEXT, read_reference
from runyard.expr.scope import Scope
from runyard.expr.value import MISSING, text_of
from runyard.model.errors import ArgumentError
from runyard.model.light import dataclass

MAX_DEPTH: Final = 200
_MAX_DEFAULTS: Final = 20

_MARK: Final = re.compile(r"\$\$\{|\$\{|\}")
_REFERRED: Final = re.compile(r"\$\{[#!]?(" + SECRET_TEXT + "|" + PATH_TEXT + ")")


@dataclass(frozen=True, slots=True)
class Reference:
    """`${path}` or `${path:-default}`; `column` counts from 1."""

    path: str
    default: Template | None
    column: int


@dataclass(frozen=True, slots=True)
class Template:
    """Texts and references, in order."""

    parts: tuple[str | Reference, ...]

    def render(self, scope: Scope, place: str = "") -> Any:
        """The text with values put in; a template that is one reference keeps the value's type.

        Raises:
            ArgumentError: a variable without a default is not set.
        """
        if len(self.parts) == 1 and isinstance(self.parts[0], Reference):
            return _value(self.parts[0], scope, place)
        return "".join(
            part if isinstance(part, str) else text_of(_value(part, scope, place))
            for part in self.parts
        )


def _value(reference: Reference, scope: Scope, place: str) -> Any:
    if reference.default is None:
        return scope.require(reference.path, place)
    value = scope.lookup(reference.path)
    if value is MISSING or value is None or value == "":
        return reference.default.render(scope, place)
    return value


@lru_cache(maxsize=2048)
def compile_template(text: str) -> Template:
    """Find the references of a text. `$${` stands for a literal `${`.

    Raises:
        ExprError: a `${` that is not closed or holds no reference; with its column.
    """
    parts: list[str | Reference] = []
    at = 0
    while True:
        start = text.find("${", at)
        if start < 0:
            break
        if start > at and text[start - 1] == "$":
            parts.append(text[at : start - 1] + "${")
            at = start + 2
            continue
        end = _closing(text, start)
        path, default = read_reference(text[start + 2 : end], start + 1)
        if start > at:
            parts.append(text[at:start])
        inner = None if default is None else _inner(default, start + 1)
        parts.append(Reference(path, inner, start + 1))
        at = end + 1
    if at < len(text) or not parts:
        parts.append(text[at:])
    return Template(tuple(parts))


def _inner(default: str, column: int) -> Template:
    try:
        return compile_template(default)
    except ExprError as error:
        raise ExprError(error.message, column, error.hint) from None


def _closing(text: str, start: int) -> int:
    depth = 0
    for mark in _MARK.finditer(text, start):
        if mark[0] == "${":
            depth += 1
            if depth > _MAX_DEFAULTS:
                raise ExprError("defaults are nested too deep", start + 1)
        elif mark[0] == "}":
            depth -= 1
            if depth == 0:
                return mark.start()
    raise ExprError("`${` is not closed", start + 1, "add the }, or write $${ for a literal ${")


def substitute(value: Any, scope: Scope, place: str = "") -> Any:
    """`value` with every reference in every text of it replaced; keys of maps stay.

    A value that comes in is never looked at again: what it holds is data.

    Raises:
        ArgumentError: a reference that is not set or not well formed; names the place.
    """
    return _substitute(value, scope, place, 0)


def _substitute(value: Any, scope: Scope, place: str, depth: int) -> Any:
    if isinstance(value, str):
        if "${" not in value:
            return value
        try:
            return compile_template(value).render(scope, place)
        except ExprError as error:
            prefix = f"{place}: " if place else ""
            raise ArgumentError(
                f"{prefix}{error.message} (column {error.column})", hint=error.hint
            ) from None
    if depth > MAX_DEPTH:
        raise ArgumentError(f"{place[:200]}: nested more than {MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        return {
            key: _substitute(one, scope, f"{place}.{key}" if place else str(key), depth + 1)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            _substitute(one, scope, f"{place}[{at}]", depth + 1) for at, one in enumerate(value)
        ]
    return value


def references(value: Any) -> tuple[str, ...]:
    """Paths of all references in all texts of `value`, shell text included, in order, once each.

    A plan reads them to tell what depends on exports; a run to know its secrets (`secret:NAME`).
    """
    found: dict[str, None] = {}
    for text in _texts(value):
        if "${" in text:
            for match in _REFERRED.finditer(text):
                if not text.startswith("$$", match.start() - 1) or match.start() == 0:
                    found[match[1]] = None
    return tuple(found)


def secret_names(value: Any) -> tuple[str, ...]:
    """Names of the secrets that `value` refers to."""
    return tuple(path[7:] for path in references(value) if path.startswith("secret:"))


def _texts(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            stack.extend(reversed(list(one.values())))
        elif isinstance(one, list | tuple):
            stack.extend(reversed(one))
