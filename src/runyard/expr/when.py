"""`when` expressions: parsed once with exact columns, compiled to closures (contract 1, "when")."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from runyard.expr.value import MISSING, is_true, text_of
from runyard.model.light import dataclass

if TYPE_CHECKING:
    from runyard.expr.node import Node
    from runyard.expr.scope import Scope

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class When:
    """A compiled expression.

    Attributes:
        text: as it was written.
        names: paths of the variables it refers to, in order: `OK`, `hosts.web1.KEY`.
    """

    text: str
    names: tuple[str, ...]
    node: Node = field(compare=False, repr=False)

    def evaluate(self, scope: Scope) -> bool:
        """True when the step is to run on the scope's host.

        Raises:
            ArgumentError: `>` and its kind met something that is no number, or a `matches`
                pattern made from variables is not usable.
        """
        return is_true(self.node(scope))

    def explain(self, scope: Scope) -> str:
        """The expression with the values it saw: `${OK} == "true" (OK="no")`, secrets masked."""
        seen = []
        for name in self.names:
            value = scope.lookup(name)
            if value is MISSING:
                seen.append(f"{name} is not set")
                continue
            shown = scope.redact(text_of(value))
            if len(shown) > _SHOWN:
                shown = shown[:_SHOWN] + "…"
            seen.append(f"{name}={shown!r}")
        text = " ".join(self.text.split())
        return f"{text} ({', '.join(seen)})" if seen else text


def compile_when(text: str | bool | int | float, known: tuple[str, ...] = ()) -> When:
    """Compile an expression; YAML's own `true` and numbers are expressions as well.

    `known` are names of variables, for the hint of a bare word.

    Raises:
        ExprError: it is not well formed; with column and hint.
    """
    from runyard.expr.parser import parse

    source = text if isinstance(text, str) else text_of(text)
    node, names = parse(source, known)
    return When(source, names, node)
