"""Masks secrets in a stream of bytes, whatever way it is cut into chunks.

Every occurrence of a form of a secret is replaced by `***`; occurrences that overlap count as
one. Held back is only a tail that is a proper prefix of a form. A megabyte is searched once per
form that it has all rare letters of, by the C library's memmem where there is one: mostly faster
than bytes.find, but some data is bad for some needles (zeros: a hundred times slower), and those
are left to bytes.find.
"""

from __future__ import annotations

import time

from .forms import forms_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

MASK = b"***"
FAST_FROM = 512
SLOW = 0.3e-9  # seconds per byte
LETTERS = 6
COMMON = b"JZQXKVqYzjWFUBGHPDMOLNCRxISATEkvwbyfgmphcu9876543201dlrsnioate"


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


class Masker:
    """The streaming masker of one stream; `feed` its bytes in order, then `flush` it."""

    def __init__(self, needles: Iterable[bytes]) -> None:
        self._needles = list(needles)
        self._carry = b""
        self._covered = 0  # bytes at the start of the carry whose mask has been written already
        self._search = _memmem()
        self._letters = {needle: _rarest(needle) for needle in self._needles}
        self._slow: dict[bytes, int] = {}  # chunks for which memmem is not asked again
        self._prefixes: dict[int, list[bytes]] = {}
        prefixes = {needle[:n] for needle in self._needles for n in range(1, len(needle))}
        for prefix in sorted(prefixes, key=len, reverse=True):
            self._prefixes.setdefault(prefix[-1], []).append(prefix)

    def feed(self, data: bytes) -> bytes:
        """What may be written now that `data` has arrived."""
        whole = self._carry + data if self._carry else data
        hold = len(whole) - self._held(whole)
        return self._emit(whole, hold)

    def flush(self) -> bytes:
        """What was held back, at the end of the stream."""
        return self._emit(self._carry, len(self._carry))

    def _emit(self, whole: bytes, hold: int) -> bytes:
        """Write `whole` up to `hold`, except that a match is written only as its mask."""
        spans = self._spans(whole)
        pieces = []
        covered_to = self._covered
        for start, end in spans:
            if start < covered_to:
                covered_to = max(covered_to, end)
                continue
            if start >= hold:
                break
            if start > covered_to:
                pieces.append(whole[covered_to:start])
            pieces.append(MASK)
            covered_to = end
        if covered_to < hold:
            pieces.append(whole[covered_to:hold])
        self._carry = whole[hold:]
        self._covered = max(0, covered_to - hold)
        if len(pieces) == 1:
            return pieces[0]
        return b"".join(pieces)

    def _held(self, whole: bytes) -> int:
        """Length of the longest end of `whole` that is a proper prefix of a needle."""
        if not whole:
            return 0
        for prefix in self._prefixes.get(whole[-1], ()):
            if whole.endswith(prefix):
                return len(prefix)
        return 0

    def _spans(self, whole: bytes) -> list[tuple[int, int]]:
        """Places of all needles, sorted."""
        spans: list[tuple[int, int]] = []
        for needle in self._candidates(whole):
            at = whole.find(needle)
            while at >= 0:
                spans.append((at, at + len(needle)))
                at = whole.find(needle, at + 1)
        spans.sort()
        return spans

    def _candidates(self, whole: bytes) -> list[bytes]:
        """The needles that the fast search has found in `whole`, or did not look for."""
        size, search = len(whole), self._search
        if search is None or size < FAST_FROM:
            return self._needles
        base = _address(whole)
        absent: set[int] = set()
        present: set[int] = set()
        rest = []
        for needle in self._needles:
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
                self._slow[needle] = 64
        return rest


def mask_all(needles: list[bytes], data: bytes) -> bytes:
    """`data` as a whole, masked."""
    masker = Masker(needles)
    return masker.feed(data) + masker.flush()


class Secrets:
    """The secrets of one attempt: makes maskers, and names a value that is a secret."""

    def __init__(self, values: dict[str, str]) -> None:
        self.needles = forms_of(values)
        self._names = {value: name for name, value in sorted(values.items(), reverse=True)}

    def masker(self) -> Masker:
        """A masker for one stream."""
        return Masker(self.needles)

    def export(self, value: Any) -> Any:
        """An exported value as it may be journaled: a secret becomes its reference."""
        if isinstance(value, str):
            name = self._names.get(value)
            if name is not None:
                return "${secret:%s}" % name
            return self.text(value)
        if isinstance(value, list):
            return [self.export(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.export(item) for key, item in value.items()}
        return value

    def text(self, value: str) -> str:
        """`value` with every secret in it masked."""
        if not self.needles:
            return value
        raw = value.encode("utf-8", "surrogateescape")
        return mask_all(self.needles, raw).decode("utf-8", "surrogateescape")
