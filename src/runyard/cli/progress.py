"""Saying on stderr what is waited for, when it takes a while."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import IO, TYPE_CHECKING

from runyard.cli.settings import Settings, is_terminal
from runyard.cli.views.plain import tell

if TYPE_CHECKING:
    from runyard.model.progress import Progress

EVERY = 5.0
"""Seconds between lines where stderr is no terminal."""

_SOON, _REFRESH = 0.5, 0.2
_NAMED = 3


@asynccontextmanager
async def shown(text: Callable[[], str], settings: Settings) -> AsyncIterator[None]:
    """While inside, tell `text()`: on a terminal in one line that goes away, else every 5 s."""
    if settings.quiet:
        yield
        return
    drawn = is_terminal(sys.stderr) and _can_draw()
    telling = asyncio.ensure_future(_draw(text, sys.stderr) if drawn else _tell(text))
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


def names(waiting: Sequence[str]) -> str:
    """`web06, web07, web08 and 2 more`."""
    more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
    return ", ".join(waiting[:_NAMED]) + more


def of_plan(progress: Progress) -> str:
    """`12 of 90 decided, waiting for web06`."""
    waiting = f", waiting for {names(list(progress.waiting))}" if progress.waiting else ""
    return f"{progress.done} of {progress.total} decided{waiting}"


async def _tell(text: Callable[[], str]) -> None:
    while True:
        await asyncio.sleep(EVERY)
        tell(f"runyard: {text()}")


async def _draw(text: Callable[[], str], stream: IO[str]) -> None:
    from runyard.cli.render import screen_columns
    from runyard.cli.text import clip, for_screen

    await asyncio.sleep(_SOON)
    drawn = ""
    try:
        while True:
            line = clip(for_screen(text()), (screen_columns() or 80) - 1)
            if line != drawn:
                _write(stream, f"\r\x1b[K{line}")
            drawn = line
            await asyncio.sleep(_REFRESH)
    finally:
        _write(stream, "\r\x1b[K")


def _write(stream: IO[str], text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        return


def _can_draw() -> bool:
    import os

    return os.environ.get("TERM", "") not in ("", "dumb")
