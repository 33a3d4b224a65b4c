"""From chunks of bytes to whole lines, per stream of an attempt."""

from __future__ import annotations

from codecs import IncrementalDecoder, getincrementaldecoder
from dataclasses import field

from runyard.model.light import dataclass

MAX_LINE = 64 * 1024
_DECODER = getincrementaldecoder("utf-8")


@dataclass(slots=True)
class _Tail:
    decoder: IncrementalDecoder = field(default_factory=lambda: _DECODER("replace"))
    text: str = ""


class LineBuffer:
    """Keeps the unfinished last line of each stream until its end arrives.

    A character cut between two chunks is put together again; bytes that are not UTF-8 become
    U+FFFD. A line longer than MAX_LINE characters is handed out in pieces, so that memory stays
    bounded whatever is printed.
    """

    def __init__(self) -> None:
        self._tails: dict[tuple[str, str, int, str], _Tail] = {}

    def feed(self, key: tuple[str, str, int, str], data: bytes) -> list[str]:
        """The lines that `data` of the stream `key` (step, host, attempt, stream) completes."""
        tail = self._tails.get(key)
        if tail is None:
            tail = self._tails[key] = _Tail()
        lines = (tail.text + tail.decoder.decode(data)).split("\n")
        tail.text = lines.pop()
        while len(tail.text) > MAX_LINE:
            lines.append(tail.text[:MAX_LINE])
            tail.text = tail.text[MAX_LINE:]
        return lines

    def finish(self, step: str, host: str) -> list[tuple[str, str]]:
        """Stream and text of every unfinished line of a step on a host; forgets its streams."""
        keys = [key for key in self._tails if key[:2] == (step, host)]
        return [(key[3], text) for key in keys if (text := self._end(key))]

    def finish_all(self) -> list[tuple[tuple[str, str, int, str], str]]:
        """All unfinished lines with their keys; forgets everything."""
        return [(key, text) for key in list(self._tails) if (text := self._end(key))]

    def _end(self, key: tuple[str, str, int, str]) -> str:
        tail = self._tails.pop(key)
        return tail.text + tail.decoder.decode(b"", True)
