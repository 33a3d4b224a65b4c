"""Patterns that name hosts: `web*`, `web[1:40]`, `web[01-03,07]`, `!db1`, `@group & @zone`, `all`.

Globs and ranges look at the names of hosts; behind an `@` at the names of groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from runyard.model.errors import UsageError
from runyard.model.suggest import did_you_mean

_NUMBER: Final = "[0-9]{1,9}"
_RANGE: Final = f"{_NUMBER}[:-]{_NUMBER}"
_NUMBERS: Final = f"{_RANGE}|(?:{_RANGE}|{_NUMBER})(?:,(?:{_RANGE}|{_NUMBER}))+"
_PIECE: Final = re.compile(rf"\[({_NUMBERS})\]|\[(!?)([^\]\[:]+)\]|(\*+)|(\?)|([^\[\]*?]+)")
_SEPARATOR: Final = re.compile(r"\[[^\[\]]*\]|(,)")
_COLON: Final = re.compile(r"\[[^\[\]]*\]|(:)")
_ANSIBLE: Final = re.compile(r":\s*[!&]")
_MAX_LENGTH: Final = 1000


def split_patterns(text: str) -> list[str]:
    """The patterns in `text`, which commas outside of brackets separate; empty ones are left out.

    `web[01-03,07],db*` are two.
    """
    ends = [match.start() for match in _SEPARATOR.finditer(text) if match[1]]
    begins = [0, *(end + 1 for end in ends)]
    parts = [text[a:b].strip() for a, b in zip(begins, [*ends, len(text)], strict=True)]
    return [part for part in parts if part]


def select_names(
    patterns: Iterable[str], rank: Mapping[str, int], groups: Mapping[str, Sequence[str]]
) -> list[str]:
    """Names of the hosts that `patterns` select, in the order of `rank`.

    What is named is put together first; then everything after a `!` is taken out. Exclusions
    alone are taken out of all. A glob that fits nobody selects nobody; a name that nobody has is
    an error.

    Raises:
        UsageError: an unknown name (`unknown target "X"`), or a broken pattern.
    """
    chosen: set[str] = set()
    without: set[str] = set()
    positive = False
    for text in patterns:
        for pattern in split_patterns(text):
            if _ANSIBLE.search(pattern) and pattern not in rank:
                raise _unknown(pattern, ())
            terms = [term.strip() for term in pattern.split("&")]
            if len(terms) == 1 and pattern.startswith("!"):
                without |= _one(pattern[1:].strip(), rank, groups)
                continue
            positive = True
            chosen |= _all_of(terms, rank, groups)
    if not positive:
        chosen = set(rank)
    return sorted(chosen - without, key=rank.__getitem__)


def _all_of(
    terms: Sequence[str], rank: Mapping[str, int], groups: Mapping[str, Sequence[str]]
) -> set[str]:
    wanted = [_one(term, rank, groups) for term in terms if not term.startswith("!")]
    found = set.intersection(*wanted) if wanted else set(rank)
    for term in terms:
        if term.startswith("!"):
            found -= _one(term[1:].strip(), rank, groups)
    return found


def _one(term: str, rank: Mapping[str, int], groups: Mapping[str, Sequence[str]]) -> set[str]:
    if term.startswith("@"):
        return _members(term[1:], rank, groups)
    if term in rank:
        return {term}
    if term in groups:
        return set(groups[term])
    if term == "all":
        return set(rank)
    if not any(char in term for char in "*?["):
        raise _unknown(term, [*rank, *groups])
    pieces = _pieces(term)
    return {name for name in rank if _fits(name, pieces)}


def _members(word: str, rank: Mapping[str, int], groups: Mapping[str, Sequence[str]]) -> set[str]:
    if word in groups:
        return set(groups[word])
    if word == "all":
        return set(rank)
    if not any(char in word for char in "*?["):
        raise _unknown(f"@{word}", [f"@{name}" for name in groups])
    pieces = _pieces(word)
    return {host for name, hosts in groups.items() if _fits(name, pieces) for host in hosts}


def _unknown(term: str, known: Iterable[str]) -> UsageError:
    names = list(known)
    hint = _ours(term, names) or did_you_mean(term, names)
    if not hint and names:
        some = ", ".join(names[:8])
        hint = f"known: {some}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return UsageError(f'unknown target "{term}"', code="TARGET", hint=hint)


def _ours(term: str, known: Sequence[str]) -> str:
    """How a pattern of Ansible's is written here: `web:&db:!old` is `web & db,!old`; else ""."""
    ends = [match.start() for match in _COLON.finditer(term) if match[1]]
    begins = [0, *(end + 1 for end in ends)]
    first, *more = (term[a:b].strip() for a, b in zip(begins, [*ends, len(term)], strict=True))
    if not more or not (_ANSIBLE.search(term) or {first, *more} <= set(known)):
        return ""
    also = "".join(f" & {part[1:].strip()}" for part in more if part.startswith("&"))
    parts = [part for part in (first, *more) if not part.startswith("&")]
    return "write " + ",".join(part if part.startswith("!") else part + also for part in parts)


def _pieces(pattern: str) -> list[re.Match[str]]:
    pieces: list[re.Match[str]] = []
    at = 0
    while at < len(pattern):
        match = _PIECE.match(pattern, at)
        if match is None or len(pattern) > _MAX_LENGTH:
            raise UsageError(
                f'target pattern "{pattern[:60]}" is not valid',
                code="TARGET",
                hint="use web*, web?, web[12], web[1:40], !web3, @group, @group & @zone",
            )
        if match[1] is not None:
            _check_numbers(pattern, match[1])
        pieces.append(match)
        at = match.end()
    return pieces


def _check_numbers(pattern: str, numbers: str) -> None:
    for part in numbers.split(","):
        low, separator, high = part.replace("-", ":").partition(":")
        if separator and int(low) > int(high):
            raise UsageError(
                f'target pattern "{pattern}": the range [{part}] runs backwards',
                code="TARGET",
                hint=f"write [{high}{part[len(low)]}{low}]",
            )


def _fits(name: str, pieces: list[re.Match[str]]) -> bool:
    """Whether the whole name fits: a set of places reached, so never more than linear × linear."""
    places = {0}
    for piece in pieces:
        if piece[4] is not None:
            places = set(range(min(places), len(name) + 1))
        else:
            places = {end for start in places for end in _ends(name, start, piece)}
        if not places:
            return False
    return len(name) in places


def _ends(name: str, start: int, piece: re.Match[str]) -> list[int]:
    if piece[1] is not None:
        return _number_ends(name, start, piece[1])
    if piece[6] is not None:
        return [start + len(piece[6])] if name.startswith(piece[6], start) else []
    if start >= len(name):
        return []
    if piece[5] is not None or _in_class(name[start], piece[3]) is (piece[2] == ""):
        return [start + 1]
    return []


def _number_ends(name: str, start: int, numbers: str) -> list[int]:
    """Ends of the numbers that are listed; `[01:40]` wants two digits, `[1:40]` no zeros."""
    ends = []
    end = start
    while end < len(name) and end - start < 9 and name[end] in "0123456789":
        end += 1
        digits, number = name[start:end], int(name[start:end])
        for low, high, width in _ranges(numbers):
            if low <= number <= high and digits == str(number).zfill(width):
                ends.append(end)
                break
    return ends


@lru_cache(maxsize=64)
def _ranges(numbers: str) -> tuple[tuple[int, int, int], ...]:
    """`01-03,07` as the first, the last and the width (0: no zeros in front) of each part."""
    found = []
    for part in numbers.split(","):
        low, _, high = part.replace("-", ":").partition(":")
        found.append((int(low), int(high or low), len(low) if low.startswith("0") else 0))
    return tuple(found)


def _in_class(char: str, members: str) -> bool:
    at = 0
    while at < len(members):
        if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
            if members[at] <= char <= members[at + 2]:
                return True
            at += 3
        elif members[at] == char:
            return True
        else:
            at += 1
    return False
