"""Colours, and the words and marks that stand for a status."""

from __future__ import annotations

from runyard.model.light import dataclass
from runyard.model.status import Status

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
_OF_STATUS = {
    Status.SUCCESS: "green",
    Status.FAILED: "red",
    Status.ERROR: "red",
    Status.TIMEOUT: "red",
    Status.CANCELED: "magenta",
    Status.INTERRUPTED: "magenta",
    Status.SKIPPED: "cyan",
    Status.RUNNING: "blue",
    Status.QUEUED: "dim",
}


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours text when `on`; otherwise returns it as it is."""

    on: bool = False

    def __call__(self, text: str, *styles: str) -> str:
        if not self.on or not text:
            return text
        codes = ";".join(_CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def status(self, status: Status | str, text: str | None = None) -> str:
        """`text` (default the status itself) in the colour of the status."""
        word = str(status) if text is None else text
        return self(word, color_of(status))


def color_of(status: Status | str) -> str:
    """The name of the colour of a status."""
    try:
        return _OF_STATUS[Status(status)]
    except ValueError:
        return "bold"
