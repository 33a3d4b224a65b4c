"""Words of a `when` expression, each with its column."""

from __future__ import annotations

import re
from typing import Final

from runyard.expr.error import ExprError
from runyard.model.light import dataclass

MAX_LENGTH: Final = 16384

_SPACE: Final = re.compile(r"[ \t\r\n]+")
_OPERATOR: Final = re.compile(r"==|!=|>=|<=|&&|\|\||[><!(),\[\]]")
_WORD: Final = re.compile(r"[^\s()!=<>&|\"'$,\[\]{}]+")
_STRING: Final = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]|\\.)*+)'", re.DOTALL),
}
_REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")
_WRONG: Final = re.compile(r"===|=~|<>|\{\{|[“”‘’]|=(?!=)|&(?!&)|\|(?!\|)")
_FIX: Final = {
    "===": "write ==",
    "=~": 'write matches, as in ${X} matches "^v[0-9]+"',
    "<>": "write !=",
    "=": "write == to compare",
    "&": "write &&",
    "|": "write ||",
    "{{": "write ${NAME} for a variable",
}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is op, word, string, ref or end; `text` without quotes and braces."""

    kind: str
    text: str
    column: int

    @property
    def shown(self) -> str:
        """As an error message names it."""
        if self.kind == "end":
            return "the end"
        if self.kind == "ref":
            return f"${{{self.text}}}"
        return f'"{self.text}"' if self.kind == "string" else f"`{self.text}`"


def tokens_of(text: str) -> list[Token]:
    """Split an expression.

    Raises:
        ExprError: something is no word of the language, or the text is too long.
    """
    if len(text) > MAX_LENGTH:
        raise ExprError(
            f"expression of {len(text)} characters is too long", 1, f"at most {MAX_LENGTH}"
        )
    found: list[Token] = []
    at = 0
    while at < len(text):
        space = _SPACE.match(text, at)
        if space is not None:
            at = space.end()
            continue
        token, at = _next(text, at)
        found.append(token)
    found.append(Token("end", "", len(text) + 1))
    return found


def _next(text: str, at: int) -> tuple[Token, int]:
    char = text[at]
    column = at + 1
    if char in _STRING:
        match = _STRING[char].match(text, at)
        if match is None:
            raise ExprError("string is not closed", column, f"add the closing {char}")
        return Token("string", match[1], column), match.end()
    if char == "$":
        return _reference(text, at)
    wrong = _WRONG.match(text, at)
    if wrong is not None:
        hint = _FIX.get(wrong[0], "use straight quotes")
        raise ExprError(f"`{wrong[0]}` is not an operator", column, hint)
    match = _OPERATOR.match(text, at)
    if match is not None:
        return Token("op", match[0], column), match.end()
    match = _WORD.match(text, at)
    if match is None:
        raise ExprError(f"unexpected character {char!r}", column, "quote it if it is text")
    return Token("word", match[0], column), match.end()


def _reference(text: str, at: int) -> tuple[Token, int]:
    match = _REFERENCE.match(text, at)
    if match is not None:
        return Token("ref", match[1], at + 1), match.end()
    if text.startswith("${", at):
        raise ExprError("`${` is not closed", at + 1, "add the closing }")
    word = _WORD.match(text, at + 1)
    raise ExprError(
        "a variable is written with braces",
        at + 1,
        f"write ${{{word[0]}}}" if word is not None else "write ${NAME}",
    )
