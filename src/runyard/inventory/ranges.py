"""Ranges of hosts as Ansible writes them: `web[01:40:2].example`, `db-[a:c]`, several in a name."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Final

MAX_HOSTS: Final = 100_000
_LETTERS = string.ascii_letters
_PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]{1,5})")
_BRACKETS = re.compile(r"\[([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%\w+)?)\](?::([0-9]{1,5}))?")
_RANGE = re.compile(r"\[([^\[\]]*:[^\[\]]*)\]")


class RangeError(ValueError):
    """A range that cannot be expanded; `hint` says what to write."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def split_port(text: str) -> tuple[str, int | None]:
    """Name and port of `web1:2222`, `[2001:db8::1]:22`, `web[1:3]:22`.

    A bare IPv6 address is a name without a port.
    """
    match = _BRACKETS.fullmatch(text)
    if match is not None and (match[2] or "::" in match[1] or match[1].count(":") == 7):
        return match[1], int(match[2]) if match[2] else None
    match = _PORT.fullmatch(text)
    return (match[1], int(match[2])) if match is not None else (text, None)


def expand(pattern: str) -> list[str]:
    """The names that a pattern stands for, the last range running fastest; itself without one.

    Raises:
        RangeError: a range cannot be understood, runs backwards, or there are too many names.
    """
    parts = _RANGE.split(pattern)
    if len(parts) == 1:
        return [pattern]
    names = [parts[0]]
    for index in range(1, len(parts), 2):
        values = _values(parts[index])
        if len(names) * len(values) > MAX_HOSTS:
            raise RangeError(f"{pattern} stands for more than {MAX_HOSTS:,} hosts")
        rest = parts[index + 1]
        names = [f"{name}{value}{rest}" for name in names for value in values]
    return names


def _values(text: str) -> Sequence[str]:
    """The values of `01:40:2` or `a:f`, the end included."""
    bounds = text.split(":")
    if len(bounds) not in (2, 3):
        raise RangeError(f"[{text}] is no range", "write [01:40] or [01:40:2]")
    low, high = bounds[0] or "0", bounds[1]
    step = _step(text, bounds[2] if len(bounds) == 3 else "1")
    if not high:
        raise RangeError(f"[{text}] has no end", f"write [{low}:N]")
    if low.isdecimal() and high.isdecimal() and low.isascii() and high.isascii():
        return _numbers(text, low, high, step)
    if len(low) == len(high) == 1 and low in _LETTERS and high in _LETTERS:
        first, last = _LETTERS.index(low), _LETTERS.index(high)
        if first > last:
            raise RangeError(f"[{text}] runs backwards", f"write [{high}:{low}]")
        return _LETTERS[first : last + 1 : step]
    raise RangeError(f"[{text}] is neither of numbers nor of letters", "write [01:40] or [a:f]")


def _step(text: str, word: str) -> int:
    if not (word.isascii() and word.isdecimal() and int(word[:9]) > 0 and len(word) < 10):
        raise RangeError(f"[{text}]: the step must be a number above 0")
    return int(word)


def _numbers(text: str, low: str, high: str, step: int) -> list[str]:
    padded = len(low) > 1 and low.startswith("0")
    if padded and len(low) != len(high):
        raise RangeError(
            f"[{text}]: both ends need the same number of digits",
            f"write [{low.zfill(len(high))}:{high.zfill(len(low))}]",
        )
    if max(len(low), len(high)) > 9 or (int(high) - int(low)) // step >= MAX_HOSTS:
        raise RangeError(f"[{text}] stands for more than {MAX_HOSTS:,} hosts")
    if int(low) > int(high):
        raise RangeError(f"[{text}] runs backwards", f"write [{high}:{low}]")
    width = len(low) if padded else 0
    return [str(n).zfill(width) for n in range(int(low), int(high) + 1, step)]
