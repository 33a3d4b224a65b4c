"""One JSON object per line: the events of the run, and its output as events."""

from __future__ import annotations

import json
from codecs import IncrementalDecoder, getincrementaldecoder
from typing import Any

from runyard.cli.feed import Item
from runyard.cli.pipe import Pipe
from runyard.cli.views.plain import tell
from runyard.model.event import Event
from runyard.store.tail import OutputChunk


class JsonlView:
    """Machine-readable; notes go to stderr."""

    def __init__(self, run_id: str, pipe: Pipe) -> None:
        self._pipe = pipe
        self._encoder = OutputEncoder(run_id)

    async def show(self, item: Item) -> None:
        await self._pipe.write(self._encoder.line(item))

    async def note(self, text: str) -> None:
        tell(text)

    async def ask(self, question: str) -> None:
        tell(question, end=" ")

    async def answered(self) -> None:
        return

    async def close(self) -> None:
        return


class OutputEncoder:
    """Items as lines of JSON.

    Output becomes an event of type `output` without a `seq` (it is no part of the event log);
    `data` has stream, attempt, offset (bytes, in its stream) and text. A character that is cut
    by the end of a chunk is in the text of the next one.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._decoders: dict[tuple[str, str, int, str], IncrementalDecoder] = {}

    def line(self, item: Item) -> str:
        """`item` as one line, line end included."""
        data = self._output(item) if isinstance(item, OutputChunk) else self._event(item)
        return json.dumps(data, ensure_ascii=False, default=str) + "\n"

    def _event(self, item: Event) -> dict[str, Any]:
        if item.type == "step.finished":
            over = [key for key in self._decoders if key[0] == item.step]
            for key in over:
                del self._decoders[key]
        return item.to_dict()

    def _output(self, item: OutputChunk) -> dict[str, Any]:
        key = (item.step, item.host, item.n, item.stream)
        decoder = self._decoders.get(key)
        if decoder is None:
            decoder = self._decoders[key] = getincrementaldecoder("utf-8")("replace")
        return {
            "at": item.at,
            "run_id": self._run_id,
            "type": "output",
            "step": item.step,
            "host": item.host,
            "data": {
                "stream": item.stream,
                "attempt": item.n,
                "offset": item.offset,
                "text": decoder.decode(item.data),
            },
        }
