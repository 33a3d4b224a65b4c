"""From chunks of bytes to whole lines, per stream of an attempt."""

from __future__ import annotations

from codecs import IncrementalDecoder, getincrementaldecoder
from dataclasses import field

from runyard.model.light import dataclass

MAX_LINE = 64 * 1024
MARKS = {"stdout": "|", "stderr": "!"}
"""What stands between a host and a line of each of its streams."""

_DECODER = getincrementaldecoder("utf-8")


@dataclass(slots=True)
class _Tail:
    decoder: IncrementalDecoder = field(default_factory=lambda: _DECODER("replace"))
    text: str = ""


class LineBuffer:
    """Keeps the unfinished last line of each stream until its end arrives.

    A character cut between two chunks is put together again; bytes that are not UTF-8 become
    U+FFFD. A line longer than MAX_LINE characters is handed out in pieces, the same ones however
    it was cut into chunks: memory stays bounded whatever is printed.
    """

    def __init__(self) -> None:
        self._tails: dict[tuple[str, str], dict[tuple[int, str], _Tail]] = {}

    def feed(self, key: tuple[str, str, int, str], data: bytes) -> list[str]:
        """The lines that `data` of the stream `key` (step, host, attempt, stream) completes."""
        step, host, n, stream = key
        tails = self._tails.setdefault((step, host), {})
        tail = tails.get((n, stream))
        if tail is None:
            tail = tails[n, stream] = _Tail()
        lines = (tail.text + tail.decoder.decode(data)).split("\n")
        tail.text = lines.pop()
        if any(len(line) > MAX_LINE for line in lines):
            lines = [piece for line in lines for piece in _pieces(line)]
        if len(tail.text) > MAX_LINE:
            *pieces, tail.text = _pieces(tail.text)
            lines += pieces
        return lines

    def finish(self, step: str, host: str) -> list[tuple[str, str]]:
        """Stream and text of every unfinished line of a step on a host; forgets its streams."""
        tails = self._tails.pop((step, host), {})
        return [(stream, text) for (_, stream), tail in tails.items() if (text := _rest(tail))]

    def finish_all(self) -> list[tuple[tuple[str, str, int, str], str]]:
        """All unfinished lines with their keys; forgets everything."""
        found, self._tails = self._tails, {}
        return [
            ((step, host, n, stream), text)
            for (step, host), tails in found.items()
            for (n, stream), tail in tails.items()
            if (text := _rest(tail))
        ]


def _pieces(line: str) -> list[str]:
    return [line[at : at + MAX_LINE] for at in range(0, len(line), MAX_LINE)] or [""]


def _rest(tail: _Tail) -> str:
    return tail.text + tail.decoder.decode(b"", True)
