"""Regular expressions of `matches`, in time that grows with pattern × text and never faster.

Python's `re` backtracks and cannot be interrupted: one pattern in a document could hold a whole
run. This reads the common part of its syntax (`regex_syntax.py`), keeps the set of all places
in the pattern that the text may have led to, and remembers the sets it has seen.
"""

from __future__ import annotations

from dataclasses import field
from functools import lru_cache
from typing import Final

from runyard.expr.regex_program import (
    ACCEPT,
    ASSERT,
    BEGIN,
    BOUNDARY,
    CHAR,
    END,
    INSIDE,
    JUMP,
    LINE_END,
    LINE_START,
    SOFT_END,
    Program,
    compile_program,
)
from runyard.expr.regex_syntax import parse_pattern
from runyard.model.errors import ArgumentError
from runyard.model.light import dataclass

MAX_INPUT: Final = 65536
MAX_WORK: Final = 4_000_000
_REMEMBERED: Final = 4096

_Places = frozenset[int]


@dataclass(slots=True)
class Regex:
    """A compiled pattern; `found_in` is all it does."""

    text: str
    _program: Program
    _reached: dict[tuple[_Places, int], tuple[_Places, bool]] = field(default_factory=dict)
    _next: dict[tuple[_Places, str], _Places] = field(default_factory=dict)

    def found_in(self, text: str) -> bool:
        """True when the pattern matches somewhere in `text`.

        Raises:
            ArgumentError: `text` is longer than 64 Ki characters, or would take too long.
        """
        if len(text) > MAX_INPUT:
            raise ArgumentError(
                f"a text of {len(text)} characters is too long for matches",
                code="WHEN",
                hint=f"at most {MAX_INPUT}; let the step look at it and export a short answer",
            )
        places: _Places = frozenset()
        work = 0
        for at in range(len(text) + 1):
            places |= {0}
            facts = self._facts(text, at) if self._program.asserts else 0
            known = self._reached.get((places, facts))
            if known is None:
                known = self._reach(places, facts)
                work += len(self._program.code)
            places, accepted = known
            if accepted:
                return True
            if at == len(text):
                break
            key = (places, text[at])
            after = self._next.get(key)
            if after is None:
                after = self._advance(key)
                work += len(places) + 1
            places = after
            if work > MAX_WORK:
                raise ArgumentError(
                    f"matching {self.text[:60]!r} takes too long",
                    code="WHEN",
                    hint="use a smaller repeat than {n,m}, or match a shorter text",
                )
        return False

    def _facts(self, text: str, at: int) -> int:
        """Which assertions hold between the characters before and after `at`."""
        last = at == len(text)
        facts = (BEGIN if at == 0 else 0) | (END if last else 0)
        if last or (at == len(text) - 1 and text[at] == "\n"):
            facts |= SOFT_END
        if at == 0 or text[at - 1] == "\n":
            facts |= LINE_START
        if last or text[at] == "\n":
            facts |= LINE_END
        before = at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")
        after = not last and (text[at].isalnum() or text[at] == "_")
        return facts | (BOUNDARY if before != after else INSIDE)

    def _reach(self, places: _Places, facts: int) -> tuple[_Places, bool]:
        """Places that wait for a character, reached from `places` without one; and if it fits."""
        code = self._program.code
        seen = set(places)
        stack = list(places)
        waiting: set[int] = set()
        accepted = False
        while stack:
            place = stack.pop()
            kind, detail, targets = code[place]
            if kind == CHAR:
                waiting.add(place)
                continue
            if kind == ACCEPT:
                accepted = True
            elif kind == JUMP or (kind == ASSERT and facts & detail):
                for target in targets:
                    if target not in seen:
                        seen.add(target)
                        stack.append(target)
        found = (frozenset(waiting), accepted)
        if len(self._reached) >= _REMEMBERED:
            self._reached.clear()
        self._reached[(places, facts)] = found
        return found

    def _advance(self, key: tuple[_Places, str]) -> _Places:
        places, char = key
        tests = self._program.tests
        found = frozenset(place + 1 for place in places if tests[place](char))
        if len(self._next) >= _REMEMBERED:
            self._next.clear()
        self._next[key] = found
        return found


@lru_cache(maxsize=256)
def compile_regex(text: str) -> Regex:
    """Compile a pattern.

    Raises:
        ExprError: it is not one, or asks for what cannot be bounded; with its column.
    """
    return Regex(text, compile_program(parse_pattern(text)))
