"""Refusals: what a door is told when a verb cannot be done."""

from __future__ import annotations


class Refusal(Exception):
    """Becomes the error `{code, message}` of a reply; the door stays open unless `fatal`."""

    def __init__(self, code: str, message: str, fatal: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fatal = fatal
