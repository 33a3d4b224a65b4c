"""Finds exports in a stream: lines that begin with `BOPS_EXPORT:` (contract 1, "Variables").

BOPS_EXPORT:KEY=value
BOPS_EXPORT:{KEY=value}
BOPS_EXPORT:{"KEY": "value", "N": 3}
BOPS_EXPORT:KEY<<EOF
several lines
EOF
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MARKER = b"BOPS_EXPORT:"
MAX_VALUE = 1 << 20
MAX_KEYS = 10000
MAX_TOTAL = 4 << 20
MAX_WARNINGS = 20

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEREDOC = re.compile(r"([^=<{]*)<<(\S+)\s*")


class Exports:
    """Reads a complete stream in chunks; memory is bounded whatever the stream holds."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.warnings: list[str] = []
        self._line = b""  # the unfinished line, while it may still be of interest
        self._skip = False  # inside a line that is of none
        self._key = ""
        self._end: bytes | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._total = 0

    def feed(self, data: bytes) -> None:
        """Look at the next bytes of the stream."""
        if not self._line and self._end is None and MARKER not in data:
            self._idle(data)
            return
        at = 0
        size = len(data)
        while at < size:
            if self._skip:
                at = data.find(b"\n", at) + 1
                if at == 0:
                    return
                self._skip = False
            if not self._line and self._end is None:
                place = data.find(MARKER, at)
                begin = data.rfind(b"\n", at, size if place < 0 else place) + 1
                at = max(at, begin)
            newline = data.find(b"\n", at)
            stop = size if newline < 0 else newline
            self._line += data[at:stop]
            at = stop + 1
            if newline < 0:
                self._partial()
            else:
                self._take(self._line)
                self._line = b""

    def finish(self) -> None:
        """The stream has ended: its last line may lack a newline."""
        if self._line:
            self._take(self._line)
            self._line = b""
        if self._end is not None:
            self._warn("export %s: its heredoc has no end" % self._key)
            self._end = None

    def _idle(self, data: bytes) -> None:
        newline = data.rfind(b"\n")
        if newline >= 0:
            self._skip = False
        if not self._skip:
            self._line = data[newline + 1 :]
            self._partial()

    def _partial(self) -> None:
        """Forget an unfinished line that is no export, or that has grown too long."""
        if self._end is None:
            known = self._line[: len(MARKER)]
            if known and not MARKER.startswith(known):
                self._line = b""
                self._skip = True
        if len(self._line) > MAX_VALUE + 512:
            self._warn("an export is longer than %d bytes and was left out" % MAX_VALUE)
            self._line = b""
            self._skip = True
            self._size = MAX_VALUE + 1

    def _take(self, line: bytes) -> None:
        if line.endswith(b"\r"):
            line = line[:-1]
        if self._end is not None:
            self._heredoc(line)
        elif line.startswith(MARKER):
            self._parse(line[len(MARKER) :].decode("utf-8", "replace"))

    def _parse(self, text: str) -> None:
        inner = text.strip()
        if inner.startswith("{") and inner.endswith("}"):
            self._braces(inner)
            return
        heredoc = _HEREDOC.fullmatch(text)
        if heredoc is not None:
            self._key, self._end = heredoc[1].strip(), heredoc[2].encode()
            self._body, self._size = [], 0
            return
        key, equals, value = text.partition("=")
        if not equals:
            self._warn("export %r has no value; write BOPS_EXPORT:KEY=value" % _short(text))
            return
        self._set(key, value)

    def _braces(self, text: str) -> None:
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            key, equals, value = text[1:-1].partition("=")
            if equals and '"' not in key:
                self._set(key, value)
            else:
                self._warn("export %r is neither JSON nor {KEY=value}" % _short(text))
            return
        for key, value in values.items():
            self._set(key, value)

    def _heredoc(self, line: bytes) -> None:
        if line.strip() == self._end:
            self._end = None
            if self._size > MAX_VALUE:
                self._warn("export %s is longer than %d bytes" % (_short(self._key), MAX_VALUE))
            else:
                self._set(self._key, b"\n".join(self._body).decode("utf-8", "replace"))
            self._body = []
            return
        self._size += len(line) + 1
        if self._size <= MAX_VALUE:
            self._body.append(line)
        else:
            self._body = []

    def _set(self, key: str, value: Any) -> None:
        key = key.strip()
        if not _KEY.fullmatch(key):
            self._warn("export name %r is not valid; use letters, digits and _" % _short(key))
        elif _size(value) > MAX_VALUE:
            self._warn("export %s is longer than %d bytes" % (_short(key), MAX_VALUE))
        elif key not in self.values and len(self.values) >= MAX_KEYS:
            self._warn("more than %d exports; %s was left out" % (MAX_KEYS, _short(key)))
        elif self._total + _size(value) > MAX_TOTAL:
            self._warn("exports are longer than %d bytes; %s was left out" % (MAX_TOTAL, key))
        else:
            self._total += _size(value)
            self.values[key] = value

    def _warn(self, text: str) -> None:
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(text)


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(json.dumps(value))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"
