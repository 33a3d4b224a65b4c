"""The forms of an attempt's secrets, prepared for being searched.

A megabyte is searched once per form that it has all rare letters of, by the C library's memmem
where there is one: mostly faster than bytes.find, but some data is bad for some needles (zeros: a
hundred times slower), and those are left to bytes.find for a while.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

FAST_FROM = 512
SLOW = 0.3e-9  # seconds per byte
SLOW_CHUNKS = 64
LETTERS = 6
COMMON = b"JZQXKVqYzjWFUBGHPDMOLNCRxISATEkvwbyfgmphcu9876543201dlrsnioate"
SHORT = 64  # ends up to this length are looked up in a table


class Needles:
    """Byte strings to be found. Shared by all maskers of the same secrets."""

    def __init__(self, needles: Iterable[bytes]) -> None:
        self.all = list(needles)
        self._search = _memmem()
        self._letters = {needle: _rarest(needle) for needle in self.all}
        self._slow: dict[bytes, int] = {}  # chunks for which memmem is not asked again
        self._long = [needle for needle in self.all if len(needle) > SHORT + 1]
        self._ends: dict[int, list[bytes]] = {}
        ends = {n[:size] for n in self.all for size in range(1, min(len(n), SHORT + 1))}
        for end in sorted(ends, key=len, reverse=True):
            self._ends.setdefault(end[-1], []).append(end)

    def places(self, whole: bytes) -> list[tuple[int, int]]:
        """Start and end of every occurrence of every needle, sorted."""
        places: list[tuple[int, int]] = []
        for needle in self._candidates(whole):
            at = whole.find(needle)
            while at >= 0:
                places.append((at, at + len(needle)))
                at = whole.find(needle, at + 1)
        places.sort()
        return places

    def begun(self, whole: bytes) -> int:
        """Length of the longest end of `whole` that is a proper prefix of a needle."""
        if not whole:
            return 0
        longest = max((_begun(needle, whole) for needle in self._long), default=0)
        if longest:
            return longest
        for end in self._ends.get(whole[-1], ()):
            if whole.endswith(end):
                return len(end)
        return 0

    def _candidates(self, whole: bytes) -> list[bytes]:
        """The needles that the fast search has found in `whole`, or did not look for."""
        size, search = len(whole), self._search
        if search is None or size < FAST_FROM:
            return self.all
        base = _address(whole)
        absent: set[int] = set()
        present: set[int] = set()
        rest = []
        for needle in self.all:
            if _impossible(self._letters[needle], whole, absent, present):
                continue
            if self._slow.get(needle, 0) > 0:
                self._slow[needle] -= 1
                rest.append(needle)
                continue
            begin = time.perf_counter()
            if search(base, size, needle, len(needle)) is not None:
                rest.append(needle)
            elif time.perf_counter() - begin > size * SLOW:
                self._slow[needle] = SLOW_CHUNKS
        return rest


def _begun(needle: bytes, whole: bytes) -> int:
    """As `Needles.begun`, for one long needle and ends longer than `SHORT`."""
    tail = whole[-(len(needle) - 1) :]
    at = tail.find(needle[: SHORT + 1])
    while at >= 0:
        if needle.startswith(tail[at:]):
            return len(tail) - at
        at = tail.find(needle[: SHORT + 1], at + 1)
    return 0


def _memmem() -> Any:
    import ctypes

    try:
        function = ctypes.CDLL(None).memmem
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    return function


def _rarest(needle: bytes) -> list[int]:
    """The bytes of `needle` that text is least likely to have, those first."""
    return sorted(set(needle), key=lambda byte: (COMMON.find(byte), byte))[:LETTERS]


def _impossible(letters: list[int], whole: bytes, absent: set[int], present: set[int]) -> bool:
    """True when `whole` lacks one of `letters`; what is found out is added to the sets."""
    if not absent.isdisjoint(letters):
        return True
    for letter in letters:
        if letter not in present:
            if letter not in whole:
                absent.add(letter)
                return True
            present.add(letter)
    return False


def _address(data: bytes) -> int:
    import ctypes

    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
