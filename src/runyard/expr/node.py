"""What a parsed expression is made of: closures from a scope to a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runyard.expr.error import ExprError
from runyard.expr.path import split_path
from runyard.expr.value import MISSING, is_equal, is_true, number_of, text_of
from runyard.model.errors import ArgumentError

if TYPE_CHECKING:
    from runyard.expr.regex import Regex
    from runyard.expr.scope import Scope

Node = Callable[["Scope"], Any]

_ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}


def constant(value: Any) -> Node:
    return lambda scope: value


def reference(path: str, default: str | None) -> Node:
    """A variable; a missing one is the empty text (contract 1, "when")."""
    parts = split_path(path)

    def value(scope: Scope) -> Any:
        found = scope.resolve(parts)
        if found is MISSING or found is None:
            found = ""
        return default if default is not None and found == "" else found

    return value


def joined(parts: tuple[Node, ...]) -> Node:
    """A quoted string with variables in it."""
    return lambda scope: "".join(text_of(part(scope)) for part in parts)


def listing(items: tuple[Node, ...]) -> Node:
    return lambda scope: [item(scope) for item in items]


def negation(operand: Node) -> Node:
    return lambda scope: not is_true(operand(scope))


def conjunction(operands: tuple[Node, ...]) -> Node:
    return lambda scope: all(is_true(operand(scope)) for operand in operands)


def disjunction(operands: tuple[Node, ...]) -> Node:
    return lambda scope: any(is_true(operand(scope)) for operand in operands)


def equality(left: Node, right: Node) -> Node:
    return lambda scope: is_equal(left(scope), right(scope))


def inequality(left: Node, right: Node) -> Node:
    return lambda scope: not is_equal(left(scope), right(scope))


def ordering(operator: str, left: Node, right: Node) -> Node:
    """`>` and its kind: both sides are numbers, or it is an error that shows them."""
    compare = _ORDER[operator]

    def value(scope: Scope) -> bool:
        a, b = left(scope), right(scope)
        x, y = number_of(a), number_of(b)
        if x is None or y is None:
            raise ArgumentError(
                f"cannot compare {_shown(a, scope)} {operator} {_shown(b, scope)}: "
                "both sides have to be numbers",
                code="WHEN",
                hint="give a missing variable a default: ${COUNT:-0}",
            )
        return compare(x, y)

    return value


def membership(left: Node, right: Node) -> Node:
    """`in`: an element of a list, a key of a map, a part of a text."""

    def value(scope: Scope) -> bool:
        needle, hay = left(scope), right(scope)
        if isinstance(hay, list | tuple):
            return any(is_equal(needle, one) for one in hay)
        if isinstance(hay, Mapping):
            return text_of(needle) in hay
        return text_of(needle) in text_of(hay)

    return value


def matching(left: Node, right: Node, fixed: Regex | None) -> Node:
    """`matches`: the pattern is found somewhere in the text; `fixed` when it is known already."""

    def value(scope: Scope) -> bool:
        regex = fixed
        if regex is None:
            from runyard.expr.regex import compile_regex

            pattern = text_of(right(scope))
            try:
                regex = compile_regex(pattern)
            except ExprError as error:
                shown = _shown(pattern, scope)
                raise ArgumentError(
                    f"the pattern {shown}: {error.message}", code="WHEN", hint=error.hint
                ) from None
        return regex.found_in(text_of(left(scope)))

    return value


def _shown(value: Any, scope: Scope) -> str:
    text = scope.redact(text_of(value))
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'
