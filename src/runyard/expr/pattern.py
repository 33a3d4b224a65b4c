"""Patterns of `matches`: regular expressions that cannot run for ever."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from runyard.expr.error import ExprError
from runyard.model.errors import ArgumentError

MAX_PATTERN: Final = 500
MAX_INPUT: Final = 65536


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern."""

    text: str
    _compiled: re.Pattern[str]

    def found_in(self, text: str) -> bool:
        """True when the pattern is found somewhere in `text`.

        Raises:
            ArgumentError: `text` is longer than 64 Ki characters.
        """
        if len(text) > MAX_INPUT:
            raise ArgumentError(
                f"a text of {len(text)} characters is too long for matches",
                code="WHEN",
                hint=f"at most {MAX_INPUT}; let the step look at it and export a short answer",
            )
        return self._compiled.search(text) is not None


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """Compile a regular expression.

    Raises:
        ExprError: it is not one, with its column.
    """
    if len(text) > MAX_PATTERN:
        raise ExprError(
            f"pattern of {len(text)} characters is too long", 1, f"at most {MAX_PATTERN}"
        )
    try:
        return Pattern(text, re.compile(text))
    except (re.error, RecursionError, OverflowError) as error:
        column = (getattr(error, "pos", None) or 0) + 1
        raise ExprError(f"bad pattern: {error}", column) from None
