"""Masks secrets in a stream of bytes, whatever way it is cut into chunks.

Every occurrence of a form of a secret is replaced by `***`; occurrences that overlap count as
one. Held back is only a tail that is a proper prefix of a form.
"""

from __future__ import annotations

from .forms import forms_of
from .needles import Needles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MASK = b"***"


class Masker:
    """The streaming masker of one stream; `feed` its bytes in order, then `flush` it."""

    def __init__(self, needles: Needles) -> None:
        self._needles = needles
        self._carry = b""
        self._covered = 0  # bytes at the start of the carry whose mask has been written already

    def feed(self, data: bytes) -> bytes:
        """What may be written now that `data` has arrived."""
        whole = self._carry + data if self._carry else data
        hold = len(whole) - self._needles.begun(whole)
        return self._emit(whole, hold)

    def flush(self) -> bytes:
        """What was held back, at the end of the stream."""
        return self._emit(self._carry, len(self._carry))

    def _emit(self, whole: bytes, hold: int) -> bytes:
        """Write `whole` up to `hold`, except that a match is written only as its mask."""
        pieces = []
        covered_to = self._covered
        for start, end in self._needles.places(whole):
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


def mask_all(needles: Needles, data: bytes) -> bytes:
    """`data` as a whole, masked."""
    masker = Masker(needles)
    return masker.feed(data) + masker.flush()


class Secrets:
    """The secrets of one attempt: makes maskers, and names a value that is a secret."""

    def __init__(self, values: dict[str, str]) -> None:
        self.needles = Needles(forms_of(values))
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
        if not self.needles.all:
            return value
        raw = value.encode("utf-8", "surrogateescape")
        return mask_all(self.needles, raw).decode("utf-8", "surrogateescape")
