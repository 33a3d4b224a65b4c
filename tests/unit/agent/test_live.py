from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runyard.agent import live as module
from runyard.agent.envelope import Text
from runyard.agent.live import LiveOutput
from runyard.store.spoolwriter import SpoolWriter

RUN = "run-00000001"
ATTEMPT = f"{RUN}/s/h/1"


class Writer:
    def __init__(self, runs: Path) -> None:
        self.folder = runs / RUN / "output"
        self.writer = SpoolWriter()

    def __call__(self, text: str | bytes, stream: int = 1) -> None:
        data = text.encode() if isinstance(text, str) else text
        self.writer.append(self.folder, ATTEMPT, stream, data)
        self.writer.release(ATTEMPT)

    def at(self, offset: int, data: bytes) -> None:
        self.writer.append_at(self.folder, ATTEMPT, 1, data, offset, 0.0)
        self.writer.release(ATTEMPT)


def read(live: LiveOutput, out: int = 0, err: int = 0, *, whole: bool = False) -> tuple[Text, Text]:
    offsets = {"stdout": out, "stderr": err}
    found = asyncio.run(live.read(ATTEMPT, offsets, whole=whole))
    return found["stdout"], found["stderr"]


def test_nothing_is_nothing(tmp_path: Path) -> None:
    live = LiveOutput(tmp_path)
    assert read(live) == (Text(), Text())
    assert read(live, 5, 6) == (Text("", 5, 5), Text("", 6, 6))
    assert live.size(ATTEMPT) == 0


def test_streams_are_read_on_from_where_they_were(tmp_path: Path) -> None:
    live, write = LiveOutput(tmp_path), Writer(tmp_path)
    write("one ")
    write("bad ", 2)
    assert read(live) == (Text("one ", 0, 4), Text("bad ", 0, 4))
    write("two")
    write("er", 2)
    assert read(live, 4, 4) == (Text("two", 4, 7), Text("er", 4, 6))
    assert read(live, 7, 6) == (Text("", 7, 7), Text("", 6, 6))
    # Another reader, and one who has lost what he was told.
    assert read(LiveOutput(tmp_path), 2, 6) == (Text("e two", 2, 7), Text("", 6, 6))
    assert read(live) == (Text("one two", 0, 7), Text("bad er", 0, 6))


def test_characters_are_not_cut(tmp_path: Path) -> None:
    live, write = LiveOutput(tmp_path), Writer(tmp_path)
    data = "aé漢😀".encode()
    out = ""
    at = 0
    for n in range(len(data)):
        write(data[n : n + 1])
        part, _ = read(live, at)
        out, at = out + part.text, part.next
    assert out == "aé漢😀"
    write(b"\xf0\x9f")
    assert read(live, at)[0] == Text("", at, at)
    assert read(live, at, whole=True)[0] == Text("\ufffd", at, at + 2)
    write(b"\xff!")
    assert read(live, at)[0].text.endswith("!")


def test_long_output_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 100)
    live, write = LiveOutput(tmp_path), Writer(tmp_path)
    text = "".join(f"zeile {n} ä\n" for n in range(100))
    for at in range(0, len(text), 37):
        write(text[at : at + 37])
        write(".", 2)
    out = err = ""
    asked = 0
    while True:
        first, second = read(live, len(out.encode()), len(err), whole=True)
        assert len(first.text.encode()) <= 100
        out, err, asked = out + first.text, err + second.text, asked + 1
        if not (first.more or second.more):
            break
    assert (out, len(err)) == (text, -(-len(text) // 37))
    assert asked > 10


def test_a_gap_is_seen(tmp_path: Path) -> None:
    live, write = LiveOutput(tmp_path), Writer(tmp_path)
    write.at(0, b"before")
    write.at(100, b"behind")
    first, _ = read(live)
    assert first == Text("before", 0, 6, more=True)
    assert read(live, first.next)[0] == Text("behind", 100, 106)


def test_a_long_file_is_not_looked_through_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SCAN", 1000)
    monkeypatch.setattr(module, "MOST", 50)
    live, write = LiveOutput(tmp_path), Writer(tmp_path)
    for _ in range(100):
        write("x" * 50)
    write("at last", 2)
    out = asked = 0
    while True:
        first, second = read(live, out, 0)
        out, asked = first.next, asked + 1
        if second.text:
            break
        assert first.more or second.more
    assert second.text == "at last"
    assert asked > 3
