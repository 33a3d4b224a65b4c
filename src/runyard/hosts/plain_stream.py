"""Tells the words of our script on stdout from those of the work."""

from __future__ import annotations

import asyncio

from runyard.hosts.plain_script import MARK


class Framing:
    """Reads stdout as it comes.

    Attributes:
        begun: set when the process is about to start, or was refused; `pid` and `session` tell.
        ended: set when it has ended: `code`, `swept` and `left` tell.
        refused: why it was not started: `dir`, `files`, `missing`, `denied`.
    """

    def __init__(self, token: str) -> None:
        self._mark = f"{MARK}{token} ".encode()
        self._held = b""
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.refused = ""
        self.pid = 0
        self.session = False
        self.code: int | None = None
        self.swept = 0
        self.left = 0

    def feed(self, data: bytes) -> bytes:
        """What of `data`, and of what was held back, the work has written."""
        data = self._held + data
        said: list[bytes] = []
        while (at := data.find(self._mark)) >= 0:
            end = data.find(b"\n", at)
            if end < 0:
                break
            if self.begun.is_set():
                said.append(data[:at])
            self._word(data[at + len(self._mark) : end].split())
            data = data[end + 1 :]
        hold = at if at >= 0 else self._begun_mark(data)
        self._held = data[hold:]
        if self.begun.is_set():
            said.append(data[:hold])
        return b"".join(said)

    def rest(self) -> bytes:
        """What was held back, at the end."""
        held, self._held = self._held, b""
        if held.startswith(self._mark):  # the last line, and somebody has trimmed its newline
            self._word(held[len(self._mark) :].split())
            return b""
        return held if self.begun.is_set() else b""

    def _begun_mark(self, data: bytes) -> int:
        """Where a mark may begin that is not complete yet."""
        at = data.find(self._mark[:1], max(0, len(data) - len(self._mark)))
        while at >= 0 and not self._mark.startswith(data[at:]):
            at = data.find(self._mark[:1], at + 1)
        return at if at >= 0 else len(data)

    def _word(self, words: list[bytes]) -> None:
        if words[:1] == [b"no"] and len(words) > 1:
            self.refused = words[1].decode()
            self.begun.set()
        elif words[:1] == [b"pid"] and len(words) > 1:
            self.pid, self.session = _number(words[1]), words[2:3] == [b"1"]
            self.begun.set()
        elif words[:1] == [b"end"] and len(words) > 3 and self.begun.is_set():
            self.code, self.swept, self.left = (_number(word) for word in words[1:4])
            self.ended.set()


def _number(word: bytes) -> int:
    return int(word) if word.isdigit() else 0
