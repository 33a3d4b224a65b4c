"""Refusals: what a door is told when a verb cannot be done, and how it is written down."""

from __future__ import annotations


class Refusal(Exception):
    """Becomes the error `{code, message}` of a reply; the door stays open unless `fatal`."""

    def __init__(self, code: str, message: str, fatal: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fatal = fatal


def quoted(text: str) -> str:
    """`text` in JSON, in ASCII; where a Python is not whole, `json` may be what it lacks."""
    return '"%s"' % "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    number = ord(letter)
    if 31 < number < 127 and letter not in '"\\':
        return letter
    if number < 0x10000:
        return "\\u%04x" % number
    number -= 0x10000
    return "\\u%04x\\u%04x" % (0xD800 + (number >> 10), 0xDC00 + (number & 0x3FF))
