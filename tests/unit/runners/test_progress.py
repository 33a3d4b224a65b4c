from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runyard.model.action import Work
from runyard.model.errors import StoreError
from runyard.model.progress import Progress
from runyard.runners import progress
from tests.unit.runners.fake import FakeConnector


class Log:
    """An output that fails at first."""

    folder = Path()

    def __init__(self) -> None:
        self.lines: list[tuple[str, bytes]] = []
        self._failed = False

    def offsets(self) -> dict[str, int]:
        return {}

    def write(self, stream: str, data: bytes) -> None:
        if not self._failed:
            self._failed = True
            raise StoreError("the disk is full")
        self.lines.append((stream, data))


def test_lines_tell_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PAUSE", 0.01)
    log = Log()

    async def run() -> None:
        work = Work("r/s/h/1", "h", FakeConnector(), {}, output=log)
        far = Progress(2_000_000)
        far.done = 500_000
        async with progress.telling(work, "copied", far):
            while len(log.lines) < 2:
                await asyncio.sleep(0.01)
        count = len(log.lines)
        await asyncio.sleep(0.05)
        assert len(log.lines) == count  # it has ended with the block

    asyncio.run(run())
    assert log.lines[0] == ("stderr", b"copied 0.5 of 2.0 MB, 0.0 MB/s\n")


def test_what_is_quick_tells_nothing() -> None:
    log = Log()

    async def run() -> None:
        for output in (log, None):
            work = Work("r/s/h/1", "h", FakeConnector(), {}, output=output)
            async with progress.telling(work, "copied", Progress(1)):
                pass

    asyncio.run(run())
    assert log.lines == []


def test_words() -> None:
    assert progress.words(312_000_000, 700_000_000, 45e6) == "312.0 of 700.0 MB, 45.0 MB/s"
