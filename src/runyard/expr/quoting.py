"""Where in a shell text a reference stands: expanded, quoted, in a here-document, in a comment.

Reads what POSIX shells and bash agree on: quotes, `$'…'`, backslashes, comments, `$(…)`, back
quotes, arithmetic, here-documents. A text that it reads differently from the shell (a `case`
pattern's lone `)` inside `$(…)`) costs at most an odd quote around a value: values are never in
the text, so nothing here can make one run.
"""

from __future__ import annotations

import re
from dataclasses import field
from functools import lru_cache
from typing import Final

from runyard.expr.path import CANDIDATE
from runyard.model.light import dataclass

_NEXT: Final = {
    "plain": re.compile(r"\\.|'|\$'|\"|`|\$\(\(|\(\(|\$\(|\(|\)|\#|<<<|<<-?|\n|\$?\$\{", re.DOTALL),
    "single": re.compile(r"'|\$?\$\{"),
    "ansi": re.compile(r"\\.|'|\$?\$\{", re.DOTALL),
    "double": re.compile(r"\\.|\"|`|\$\(\(|\$\(|\$?\$\{", re.DOTALL),
    "arithmetic": re.compile(r"\\.|\$\(|\(|\)|\$?\$\{", re.DOTALL),
    "document": re.compile(r"\\.|`|\$\(|\$?\$\{", re.DOTALL),
    "verbatim": re.compile(r"\$?\$\{"),
}
_DELIMITER: Final = re.compile(r"[ \t]*((?:'[^'\n]*'|\"[^\"\n]*\"|\\.|[^\s'\"\\;&|<>()`])+)")
_COMMENT_AFTER: Final = " \t\n;&|()`"


@dataclass(frozen=True, slots=True)
class Found:
    """A reference that no shell can expand. `mode` is expanded, single, ansi or verbatim."""

    match: re.Match[str]
    mode: str
    document: Document | None = None


@dataclass(slots=True)
class Document:
    """A here-document: places of its delimiter's word and of its body."""

    start: int
    end: int
    word: str
    tabs: bool
    quoted: bool
    body: int = 0
    body_end: int = 0


@dataclass(slots=True)
class _Frame:
    mode: str
    closes: str = ""
    depth: int = 0


@lru_cache(maxsize=512)
def find_references(text: str) -> tuple[Found, ...]:
    """Every dotted reference and every secret in a shell text, in order, with how it is quoted."""
    scanner = _Scanner(text)
    scanner.scan(0, len(text), [_Frame("plain")])
    return tuple(scanner.found)


@dataclass(slots=True)
class _Scanner:
    text: str
    found: list[Found] = field(default_factory=list)
    waiting: list[Document] = field(default_factory=list)

    def scan(
        self, at: int, end: int, frames: list[_Frame], document: Document | None = None
    ) -> None:
        while at < end:
            frame = frames[-1]
            match = _NEXT[frame.mode].search(self.text, at, end)
            if match is None:
                return
            at = match.end()
            word = match[0]
            if word.endswith("${"):
                at = self._reference(match.start(), frame.mode, document)
            elif word[0] == "\\":
                continue
            elif frame.mode in ("single", "ansi"):
                frames.pop()
            elif word == '"':
                if frame.mode == "double":
                    frames.pop()
                else:
                    frames.append(_Frame("double"))
            elif frame.mode == "plain" and word in ("'", "$'"):
                frames.append(_Frame("single" if word == "'" else "ansi"))
            elif frame.mode == "plain" and word in ("#", "\n", "<<", "<<-", "<<<"):
                at = self._plain(match, end)
            else:
                _nest(word, frames)

    def _plain(self, match: re.Match[str], end: int) -> int:
        """A comment, the end of a line, the start of a here-document: where to go on."""
        start, word = match.start(), match[0]
        if word == "#":
            if start == 0 or self.text[start - 1] in _COMMENT_AFTER:
                stop = self.text.find("\n", start, end)
                return end if stop < 0 else stop
        elif word == "\n":
            return self._bodies(match.end(), end)
        elif word != "<<<":
            return self._delimiter(match, end)
        return match.end()

    def _reference(self, at: int, mode: str, document: Document | None) -> int:
        match = CANDIDATE.match(self.text, at)
        if match is None:
            return at + 2
        if mode not in ("single", "ansi", "verbatim"):
            mode = "expanded"
        self.found.append(Found(match, mode, document))
        return match.end()

    def _delimiter(self, operator: re.Match[str], end: int) -> int:
        match = _DELIMITER.match(self.text, operator.end(), end)
        if match is None:
            return operator.end()
        raw = match[1]
        word = re.sub(r"'([^']*)'|\"([^\"]*)\"|\\(.)", r"\1\2\3", raw)
        quoted = any(char in raw for char in "'\"\\")
        self.waiting.append(
            Document(match.start(1), match.end(1), word, operator[0] == "<<-", quoted)
        )
        return match.end()

    def _bodies(self, at: int, end: int) -> int:
        """Read the here-documents that begin on this line; returns where commands go on."""
        waiting, self.waiting = self.waiting, []
        for document in waiting:
            document.body = at
            while at < end:
                stop = self.text.find("\n", at, end)
                stop = end if stop < 0 else stop
                line = self.text[at:stop]
                if (line.lstrip("\t") if document.tabs else line) == document.word:
                    break
                at = min(stop + 1, end)
            document.body_end = at
            mode = "verbatim" if document.quoted else "document"
            self.scan(document.body, at, [_Frame(mode)], document)
            stop = self.text.find("\n", at, end)
            at = end if stop < 0 else stop + 1
        return at


def _nest(word: str, frames: list[_Frame]) -> None:
    """Parentheses and back quotes open and close a nesting of commands or of arithmetic."""
    frame = frames[-1]
    if word == "`":
        if frame.mode == "plain" and frame.closes == "`":
            frames.pop()
        else:
            frames.append(_Frame("plain", "`"))
    elif word in ("$((", "(("):
        frames.append(_Frame("arithmetic", ")", 1))
    elif word == "$(":
        frames.append(_Frame("plain", ")"))
    elif word == "(":
        frame.depth += 1
    elif frame.depth:
        frame.depth -= 1
    elif frame.closes == ")":
        frames.pop()
