from __future__ import annotations

import asyncio
import io
import sys

import pytest

from runyard.cli import progress as showing
from runyard.cli.settings import Settings
from runyard.model.progress import Progress


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def tell(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, quiet: bool = False) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(showing, "EVERY", 0.01)
    monkeypatch.setattr(showing, "_SOON", 0.0)
    asked = asyncio.Event()

    def text() -> str:
        asked.set()
        return "1 of 2"

    async def main() -> None:
        async with showing.shown(text, Settings(quiet=quiet)):
            if not quiet:
                await asked.wait()
                await asyncio.sleep(0)

    asyncio.run(main())
    return stream.getvalue()


def test_lines_where_nobody_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tell(io.StringIO(), monkeypatch).startswith("runyard: 1 of 2\n")


def test_a_line_that_goes_away_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert tell(Screen(), monkeypatch) == "\r\x1b[K1 of 2\r\x1b[K"
    monkeypatch.setenv("TERM", "dumb")
    assert tell(Screen(), monkeypatch).startswith("runyard: 1 of 2\n")


def test_nothing_when_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tell(io.StringIO(), monkeypatch, quiet=True) == ""


def test_who_is_waited_for() -> None:
    progress = Progress(9)
    assert showing.of_plan(progress) == "0 of 9 decided"
    with progress.asking("a"), progress.asking("b"):
        assert showing.of_plan(progress) == "0 of 9 decided, waiting for a, b"
    assert showing.names(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
