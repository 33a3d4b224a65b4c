"""Text as cells of a terminal: width, padding, clipping, and what must not reach a screen."""

from __future__ import annotations

import re
from unicodedata import combining, east_asian_width

_SGR = re.compile(r"\x1b\[[0-9;:]*m")
_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?", re.DOTALL
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


def strip_color(text: str) -> str:
    """`text` without colour sequences."""
    return _SGR.sub("", text) if "\x1b" in text else text


def width(text: str) -> int:
    """Columns that `text` takes; colours take none, wide characters two."""
    text = strip_color(text)
    if text.isascii():
        return len(text)
    return sum(_cell(char) for char in text)


def _cell(char: str) -> int:
    if combining(char):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def pad(text: str, columns: int) -> str:
    """`text` with spaces behind it up to `columns`."""
    return text + " " * max(0, columns - width(text))


def clip(text: str, columns: int) -> str:
    """`text` in at most `columns`, with `…` where something was cut. Colours are dropped then."""
    if columns <= 0:
        return ""
    if width(text) <= columns:
        return text
    kept, room = [], columns - 1
    for char in strip_color(text):
        room -= _cell(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + "…"


def for_screen(line: str, *, color: bool = True) -> str:
    """A line of somebody's output, safe on a terminal that we draw on.

    Of a line rewritten with carriage returns the last state is kept, as a terminal would show it.
    Colours stay when `color`, with a reset behind them; every other escape sequence and control
    character goes: it could move the cursor, set a title or answer into the input.
    """
    if line.isprintable():
        return line
    line = line.rstrip("\r")
    if "\r" in line:
        line = line.rsplit("\r", 1)[1]
    colored = False
    if "\x1b" in line:
        colored = color and _SGR.search(line) is not None
        line = _ESCAPE.sub(lambda m: m[0] if color and _SGR.fullmatch(m[0]) else "", line)
    line = _CONTROL.sub("", line.expandtabs(8))
    if not colored:
        line = line.replace("\x1b", "")
    return line + "\x1b[0m" if colored else line


def count(number: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
