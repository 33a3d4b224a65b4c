"""Items as lines of JSON."""

from __future__ import annotations

import json

from runyard.cli.views.jsonl import OutputEncoder
from tests.unit.cli.items import RUN, chunk, event, started


def test_events_as_they_are() -> None:
    line = OutputEncoder(RUN).line(started("build", "web1"))
    assert line.endswith("\n")
    assert json.loads(line)["data"]["hosts"] == ["web1"]


def test_output_is_an_event_without_a_number() -> None:
    data = json.loads(OutputEncoder(RUN).line(chunk(b"hi\n", stream="stderr", offset=7)))
    assert data["type"] == "output"
    assert "seq" not in data
    assert data["data"] == {"stream": "stderr", "attempt": 1, "offset": 7, "text": "hi\n"}


def test_cut_character_moves_to_the_next_chunk() -> None:
    encoder = OutputEncoder(RUN)
    word = "完".encode()
    texts = [json.loads(encoder.line(chunk(part)))["data"]["text"] for part in (word[:2], word[2:])]
    assert texts == ["", "完"]


def test_nothing_is_remembered_of_a_step_that_is_over() -> None:
    encoder = OutputEncoder(RUN)
    for item in (chunk(b"x"), chunk(b"y", step="other"), event("step.finished", "build")):
        encoder.line(item)
    assert [key[0] for key in encoder._decoders] == ["other"]
