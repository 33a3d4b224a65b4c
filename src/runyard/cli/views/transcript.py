"""Output alone, for `runyard logs`: raw bytes, lines, lines with times, or JSON lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from runyard.cli.lines import MARKS, LineBuffer
from runyard.cli.settings import Settings, is_terminal
from runyard.cli.style import Paint
from runyard.cli.text import for_screen
from runyard.cli.views.jsonl import OutputEncoder
from runyard.store.tail import OutputChunk


class Transcript(Protocol):
    """Turns chunks into bytes for stdout."""

    def tell(self, chunk: OutputChunk) -> bytes:
        """What `chunk` adds."""

    def finish(self) -> bytes:
        """What is left when nothing more comes."""


class Raw:
    """The bytes as they were printed."""

    def tell(self, chunk: OutputChunk) -> bytes:
        return chunk.data

    def finish(self) -> bytes:
        return b""


class Json:
    """One `output` event per chunk, as in `run -o jsonl`."""

    def __init__(self, run_id: str) -> None:
        self._encoder = OutputEncoder(run_id)

    def tell(self, chunk: OutputChunk) -> bytes:
        return self._encoder.line(chunk).encode()

    def finish(self) -> bytes:
        return b""


class Lines:
    """`host | text` under a header per step; whole lines only."""

    def __init__(self, paint: Paint, clean: Callable[[str], str], *, timestamps: bool) -> None:
        self._paint = paint
        self._clean = clean
        self._timestamps = timestamps
        self._buffer = LineBuffer()
        self._step = ""

    def tell(self, chunk: OutputChunk) -> bytes:
        key = (chunk.step, chunk.host, chunk.n, chunk.stream)
        return self._lines(key, chunk.at, self._buffer.feed(key, chunk.data))

    def finish(self) -> bytes:
        now = time.time()
        return b"".join(self._lines(key, now, [text]) for key, text in self._buffer.finish_all())

    def _lines(self, key: tuple[str, str, int, str], at: float, lines: list[str]) -> bytes:
        if not lines:
            return b""
        step, host, _, stream = key
        head = ""
        if step != self._step:
            self._step = step
            head = f"{self._paint('──', 'dim')} {self._paint(step, 'bold')}\n"
        mark = MARKS[stream] if stream == "stdout" else self._paint(MARKS[stream], "yellow")
        prefix = f"{self._paint(_moment(at), 'dim') + ' ' if self._timestamps else ''}"
        prefix += f"{self._paint(host, 'cyan')} {mark} "
        text = head + "".join(f"{prefix}{self._clean(line)}\n" for line in lines)
        return text.encode("utf-8", "replace")


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"


def make_transcript(
    run_id: str, settings: Settings, *, raw: bool, timestamps: bool, form: str
) -> Transcript:
    """The transcript that the options of `logs` ask for."""
    if raw:
        return Raw()
    if form == "jsonl":
        return Json(run_id)
    clean: Callable[[str], str] = for_screen if is_terminal() else str
    return Lines(settings.paint(), clean, timestamps=timestamps)
