"""What every command obeys: `--quiet`, `--color`, NO_COLOR."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

from runyard.cli.style import Paint
from runyard.model.light import dataclass

COLORS = ("auto", "always", "never")


@dataclass(slots=True)
class Settings:
    """Options that hold for the whole program. `group`: None groups output of many hosts."""

    quiet: bool = False
    color: str = "auto"
    group: bool | None = None

    def paint(self, stream: IO[Any] | None = None) -> Paint:
        """How text for `stream` (default stdout) is coloured.

        `--color` decides; in `auto` a non-empty NO_COLOR, TERM=dumb or a stream that is no
        terminal mean no colour.
        """
        if self.color != "auto":
            return Paint(self.color == "always")
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return Paint(not plain and is_terminal(stream))


def is_terminal(stream: IO[Any] | None = None) -> bool:
    """True when `stream` (default stdout) is open and a terminal."""
    stream = stream if stream is not None else sys.stdout
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False
