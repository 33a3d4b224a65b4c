"""A Pratt parser for `when`: bounded in depth, every error with its column and a fix.

expression := or
or         := and ("||" and)*
and        := not ("&&" not)*
not        := "!" not | comparison
comparison := operand (("==" | "!=" | ">" | "<" | ">=" | "<=" | "in" | "matches") operand)?
operand    := "${NAME}" | string | number | true | false | yes | no | list | "(" or ")"
list       := "[" (operand ("," operand)*)? "]"
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runyard.expr import node as make
from runyard.expr.error import ExprError
from runyard.expr.lexer import Token, tokens_of
from runyard.expr.node import Node
from runyard.expr.path import read_reference
from runyard.expr.value import number_of
from runyard.model.suggest import did_you_mean

if TYPE_CHECKING:
    from runyard.expr.regex import Regex

MAX_DEPTH: Final = 50

COMPARISONS: Final = ("==", "!=", ">", "<", ">=", "<=", "in", "matches")
_WORDS: Final = ("true", "false", "yes", "no")
_INSTEAD: Final = {"and": "write &&", "or": "write ||", "not": "write !", "is": "write =="}
_INSIDE: Final = re.compile(r"\\(\$\{|.)|(\$\$\{)|\$\{([^{}]*)\}|(\$\{)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "${": "${"}


def parse(text: str, known: tuple[str, ...] = ()) -> tuple[Node, tuple[str, ...]]:
    """Compile `text` to a closure, and name the variables it refers to.

    Raises:
        ExprError: the first thing that is wrong with it.
    """
    return _Parser(tokens_of(text), known).all()


class _Parser:
    def __init__(self, tokens: list[Token], known: tuple[str, ...]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._known = known
        self._names: dict[str, None] = {}

    def all(self) -> tuple[Node, tuple[str, ...]]:
        if self._tokens[0].kind == "end":
            raise ExprError("the expression is empty", 1, "leave `when` out, or write true")
        node = self._either()
        rest = self._peek()
        if rest.kind == "end":
            return node, tuple(self._names)
        if rest.text == ")" and rest.kind == "op":
            raise ExprError("`)` has no opening `(`", rest.column, "remove it, or add a `(`")
        raise ExprError(f"unexpected {rest.shown}", rest.column, self._advice(rest))

    def _advice(self, token: Token) -> str:
        if token.kind == "word" and token.text in _INSTEAD:
            return _INSTEAD[token.text]
        if token.kind in ("word", "string", "ref"):
            return "an operator such as == or && is missing before it; quote text with spaces"
        return "an operand is missing, or the operator is one too many"

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def _is(self, *texts: str) -> bool:
        token = self._peek()
        return token.kind in ("op", "word") and token.text in texts

    def _either(self) -> Node:
        operands = [self._both()]
        while self._is("||"):
            self._take()
            operands.append(self._both())
        return operands[0] if len(operands) == 1 else make.disjunction(tuple(operands))

    def _both(self) -> Node:
        operands = [self._negated()]
        while self._is("&&"):
            self._take()
            operands.append(self._negated())
        return operands[0] if len(operands) == 1 else make.conjunction(tuple(operands))

    def _negated(self) -> Node:
        first = self._peek()
        count = 0
        while self._is("!"):
            self._take()
            count += 1
        if not count:
            return self._comparison()
        operand = self._operand()
        if self._is(*COMPARISONS):
            raise ExprError(
                f"`!` before a comparison with {self._peek().shown} can be read in two ways",
                first.column,
                'write !(… == …), or != for "is not equal"',
            )
        node = make.negation(operand)
        return node if count % 2 else make.negation(node)

    def _comparison(self) -> Node:
        left = self._operand()
        if not self._is(*COMPARISONS):
            return left
        operator = self._take()
        start = self._peek()
        right = self._operand()
        if self._is(*COMPARISONS):
            raise ExprError("comparisons cannot be chained", self._peek().column, "join with &&")
        match operator.text:
            case "==":
                return make.equality(left, right)
            case "!=":
                return make.inequality(left, right)
            case "in":
                return make.membership(left, right)
            case "matches":
                return make.matching(left, right, self._fixed(start, right))
            case _:
                return make.ordering(operator.text, left, right)

    def _fixed(self, start: Token, right: Node) -> Regex | None:
        """The pattern when it is a plain string, so that it is checked while loading."""
        if start.kind != "string" or "${" in start.text:
            return None
        from runyard.expr.regex import compile_regex

        try:
            return compile_regex(_unescape(start.text))
        except ExprError as error:
            raise ExprError(error.message, start.column + error.column, error.hint) from None

    def _operand(self) -> Node:
        token = self._take()
        if token.kind == "ref":
            return self._reference(token.text, token.column)
        if token.kind == "string":
            return self._string(token)
        if token.kind == "word":
            return self._word(token)
        if token.text == "(":
            return self._nested(token)
        if token.text == "[":
            return self._list(token)
        raise ExprError(
            f"a value is missing before {token.shown}",
            token.column,
            'write ${NAME}, a number or a quoted text there; "" is the empty text',
        )

    def _nested(self, opening: Token) -> Node:
        self._deeper(opening)
        node = self._either()
        if not self._is(")"):
            wrong = self._peek()
            if wrong.kind != "end":
                raise ExprError(f"unexpected {wrong.shown}", wrong.column, self._advice(wrong))
            raise ExprError("`(` is not closed", opening.column, "add the closing )")
        self._take()
        self._depth -= 1
        return node

    def _list(self, opening: Token) -> Node:
        self._deeper(opening)
        items: list[Node] = []
        while not self._is("]"):
            items.append(self._operand())
            if self._is(","):
                self._take()
            elif not self._is("]"):
                raise ExprError("`[` is not closed", opening.column, "add , or the closing ]")
        self._take()
        self._depth -= 1
        return make.listing(tuple(items))

    def _deeper(self, opening: Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExprError(
                f"nested more than {MAX_DEPTH} deep", opening.column, "split it into two steps"
            )

    def _reference(self, inside: str, column: int) -> Node:
        path, default = read_reference(inside, column)
        if path.startswith("secret:"):
            raise ExprError(
                "a secret decides nothing",
                column,
                "its value would show in plans and reasons; decide by an ordinary variable",
            )
        self._names[path] = None
        return make.reference(path, default)

    def _string(self, token: Token) -> Node:
        if "${" not in token.text:
            return make.constant(_unescape(token.text))
        parts: list[Node] = []
        at = 0
        for match in _INSIDE.finditer(token.text):
            if match[3] is None and match[4] is None:
                continue
            column = token.column + 1 + match.start()
            if match[4] is not None:
                raise ExprError("`${` is not closed", column, "add the }, or write \\${")
            parts.append(make.constant(_unescape(token.text[at : match.start()])))
            parts.append(self._reference(match[3], column))
            at = match.end()
        parts.append(make.constant(_unescape(token.text[at:])))
        return make.joined(tuple(parts))

    def _word(self, token: Token) -> Node:
        if number_of(token.text) is not None:
            return make.constant(token.text)
        if token.text.lower() in _WORDS:
            return make.constant(token.text.lower() in ("true", "yes"))
        raise ExprError(f"unknown word {token.shown}", token.column, self._word_hint(token.text))

    def _word_hint(self, word: str) -> str:
        if word in _INSTEAD:
            return _INSTEAD[word]
        if word in self._known:
            return f"write ${{{word}}} for the variable"
        meant = did_you_mean(word, self._known, "${{}}") or did_you_mean(word, _WORDS, "{}")
        plain = f'quote it: "{word}"'
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", word):
            plain += f", or write ${{{word}}} for a variable"
        return f"{meant} else {plain}" if meant else plain


def _unescape(raw: str) -> str:
    """`\\n`, `\\"` and their kind; a backslash before anything else stays (as in `\\d`)."""
    if "\\" not in raw and "$${" not in raw:
        return raw

    def plain(match: re.Match[str]) -> str:
        if match[1] is not None:
            return _ESCAPES.get(match[1], match[0])
        return "${" if match[2] is not None else match[0]

    return _INSIDE.sub(plain, raw)
