"""The syntax of `matches` patterns: what Python's `re` and most others have in common.

pattern := ("(?" [ims]+ ")")? choice
choice  := sequence ("|" sequence)*
part    := atom ("*" | "+" | "?" | "{n}" | "{n,}" | "{,m}" | "{n,m}")? "?"?
atom    := character | "." | "^" | "$" | "[…]" | "(" choice ")" | "(?:" … | "(?P<name>" …
         | \\d \\w \\s \\D \\W \\S | \\b \\B \\A \\Z
         | \\n \\t \\r \\f \\v | \\xHH \\uHHHH | \\ punctuation
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from runyard.expr.error import ExprError
from runyard.expr.regex_program import (
    BEGIN,
    BOUNDARY,
    END,
    INSIDE,
    LINE_END,
    LINE_START,
    SOFT_END,
    Assertion,
    Choice,
    One,
    Repeat,
    Sequence,
    Test,
    Tree,
)

MAX_PATTERN: Final = 1000
_MAX_DEPTH: Final = 40

_FLAGS: Final = re.compile(r"\(\?([ims]+)\)")
_COUNT: Final = re.compile(r"\{([0-9]{0,9})(,?)([0-9]{0,9})\}")
_NAMED: Final = re.compile(r"\(\?(?::|P<[A-Za-z_][A-Za-z0-9_]*>)")
_SIMPLE: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_HEX: Final = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})")
_NO_LIMIT: Final = "look-around, back-references and atomic groups are not supported: no time limit"


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


_KINDS: Final[dict[str, Test]] = {"d": str.isdecimal, "w": _is_word, "s": str.isspace}


def parse_pattern(text: str) -> Tree:
    """Read a pattern.

    Raises:
        ExprError: the first thing that is wrong with it; columns count from 1.
    """
    if len(text) > MAX_PATTERN:
        raise ExprError("the pattern is too long", 1, f"at most {MAX_PATTERN} characters")
    flags = _FLAGS.match(text)
    reader = _Reader(text, flags[1] if flags is not None else "")
    reader.at = flags.end() if flags is not None else 0
    tree = reader.choice()
    if reader.at < len(text):
        raise ExprError("`)` has no opening `(`", reader.at + 1, "write \\) for the character")
    return tree


class _Reader:
    def __init__(self, text: str, flags: str) -> None:
        self._text = text
        self._fold = "i" in flags
        self._lines = "m" in flags
        self._all = "s" in flags
        self._depth = 0
        self.at = 0

    def _char(self) -> str:
        return self._text[self.at : self.at + 1]

    def choice(self) -> Tree:
        branches = [self._sequence()]
        while self._char() == "|":
            self.at += 1
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self) -> Tree:
        parts: list[Tree] = []
        while self._char() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))
        return Sequence(tuple(parts))

    def _repeated(self, part: Tree) -> Tree:
        start = self.at
        bounds = self._bounds()
        if bounds is None:
            return part
        if isinstance(part, Assertion):
            raise ExprError("there is nothing to repeat", start + 1, "write \\* for the character")
        if self._char() == "?":
            self.at += 1
        elif self._char() == "+":
            raise ExprError("possessive repeats are not supported", self.at + 1, "remove the +")
        again = self.at
        if self._bounds() is not None:
            raise ExprError("a repeat is repeated", again + 1, "put the first one into (…)")
        return Repeat(part, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        """What a quantifier here allows; None when there is none."""
        char = self._char()
        if char in ("*", "+", "?") and char:
            self.at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        match = _COUNT.match(self._text, self.at) if char == "{" else None
        if match is None or match[0] == "{}":
            return None
        low = int(match[1] or 0)
        high = int(match[3]) if match[3] else (None if match[2] else low)
        if high is not None and high < low:
            raise ExprError("the repeat runs backwards", self.at + 1, f"write {{{high},{low}}}")
        self.at = match.end()
        return low, high

    def _atom(self) -> Tree:
        char = self._char()
        start = self.at
        if char in "*+?" or self._bounds() is not None:
            raise ExprError("there is nothing to repeat", start + 1, f"write \\{char} for {char}")
        if char == "(":
            return self._group()
        if char == "[":
            return One(self._class())
        self.at += 1
        if char == ".":
            return One((lambda c: True) if self._all else (lambda c: c != "\n"))
        if char == "^":
            return Assertion(LINE_START if self._lines else BEGIN)
        if char == "$":
            return Assertion(LINE_END if self._lines else SOFT_END)
        if char == "\\":
            return self._escape(start)
        return One(self._literal(char))

    def _group(self) -> Tree:
        start = self.at
        named = _NAMED.match(self._text, start)
        if named is None and self._text.startswith("(?", start):
            raise ExprError(
                f"`{self._text[start : start + 3]}` is not supported", start + 1, _NO_LIMIT
            )
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ExprError(f"groups are nested more than {_MAX_DEPTH} deep", start + 1)
        self.at = named.end() if named is not None else start + 1
        tree = self.choice()
        if self._char() != ")":
            raise ExprError("`(` is not closed", start + 1, "add the ), or write \\(")
        self.at += 1
        self._depth -= 1
        return tree

    def _escape(self, start: int) -> Tree:
        char = self._char()
        facts = {"b": BOUNDARY, "B": INSIDE, "A": BEGIN, "Z": END}.get(char)
        if facts is not None:
            self.at += 1
            return Assertion(facts)
        test = self._kind()
        return One(test if test is not None else self._literal(self._escaped(start)))

    def _kind(self) -> Test | None:
        """The test of `\\d`, `\\W` and their like, read past; None when it is something else."""
        char = self._char()
        test = _KINDS.get(char.lower())
        if test is None:
            return None
        self.at += 1
        return test if char.islower() else (lambda c: not test(c))

    def _escaped(self, start: int) -> str:
        """The character that an escape stands for."""
        char = self._char()
        number = _HEX.match(self._text, self.at)
        if number is not None:
            self.at = number.end()
            return chr(int(number[1] or number[2], 16))
        self.at += 1
        if char in _SIMPLE and char:
            return _SIMPLE[char]
        if not char or (char.isalnum() and char.isascii()):
            hint = _NO_LIMIT if char.isdecimal() else "write \\\\ for a backslash"
            raise ExprError(f"`\\{char}` is not known", start + 1, hint)
        return char

    def _literal(self, wanted: str) -> Test:
        if self._fold:
            return self._among(frozenset({wanted}), (), ())
        return wanted.__eq__

    def _class(self) -> Test:
        start = self.at
        self.at += 1
        negated = self._char() == "^"
        if negated:
            self.at += 1
        singles: set[str] = set()
        ranges: list[tuple[str, str]] = []
        kinds: list[Test] = []
        first = True
        while self._char() != "]" or first:
            first = False
            place = self.at
            low = self._member(start, kinds)
            if self._char() != "-" or self._text[self.at + 1 : self.at + 2] in ("]", ""):
                singles.update(low)
                continue
            self.at += 1
            high = self._member(start, kinds)
            if not low or not high or low > high:
                bad = self._text[place : self.at]
                raise ExprError(f"the range {bad} is not one", place + 1, "write \\- for a minus")
            ranges.append((low, high))
        self.at += 1
        test = self._among(frozenset(singles), ranges, kinds)
        return (lambda c: not test(c)) if negated else test

    def _member(self, start: int, kinds: list[Test]) -> str:
        """One character of a class; empty when it was a kind, which goes to `kinds`."""
        char = self._char()
        if not char:
            raise ExprError("`[` is not closed", start + 1, "add the ], or write \\[")
        self.at += 1
        if char != "\\":
            return char
        if self._char() == "b":
            self.at += 1
            return "\b"
        test = self._kind()
        if test is None:
            return self._escaped(self.at - 1)
        kinds.append(test)
        return ""

    def _among(
        self, singles: frozenset[str], ranges: Iterable[tuple[str, str]], kinds: Iterable[Test]
    ) -> Test:
        spans, tests = tuple(ranges), tuple(kinds)

        def test(char: str) -> bool:
            return (
                char in singles
                or any(low <= char <= high for low, high in spans)
                or any(kind(char) for kind in tests)
            )

        if not self._fold:
            return test
        return lambda c: test(c) or test(c.lower()) or test(c.upper())
