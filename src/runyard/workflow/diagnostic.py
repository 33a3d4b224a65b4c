"""One thing wrong with a document: what, where, and what to write instead."""

from __future__ import annotations

from typing import Any

from runyard.model.light import dataclass
from runyard.workflow.report import ERROR, printable

_WIDTH = 96


@dataclass(frozen=True)
class Diagnostic:
    """A problem with its place (contract 1, "Document").

    Attributes:
        code: `WFnnn`, stable; see docs/reference/diagnostics.md. severity: error or warning.
        file, line, col: where; line and col count from 1, 0 when the file could not be read.
        end_col: one past the last column concerned, on the same line.
        source_line: the offending line; of a long one the part around the place, and `cut` says
            how many characters before it are left out.
        hint: a guess (`did you mean …`). fix: what to write.
    """

    code: str
    severity: str
    message: str
    file: str
    line: int = 0
    col: int = 0
    end_col: int = 0
    source_line: str = ""
    hint: str = ""
    fix: str = ""
    cut: int = 0

    @property
    def place(self) -> str:
        """`file:line:col`, or the file alone."""
        return f"{self.file}:{self.line}:{self.col}" if self.line else self.file

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape of a diagnostic."""
        return {name: getattr(self, name) for name in self.__annotations__}

    def render(self, color: bool = False) -> str:
        """Several lines: place and message, the offending line with a caret, hint and fix."""
        tint = "31" if self.severity == ERROR else "33"
        head = f"{self.severity}[{self.code}]"
        if color:
            head = f"\x1b[1;{tint}m{head}\x1b[0m"
        text = [f"{self.place}: {head}: {printable(self.message)}"]
        if self.line:
            line, caret = self._caret()
            number = str(self.line)
            text.append(f"  {number} | {line}")
            marks = f"\x1b[{tint}m{caret}\x1b[0m" if color else caret
            text.append(f"  {' ' * len(number)} | {marks}")
        text += [f"  {word}" for word in (self.hint and f"hint: {self.hint}",) if word]
        text += [f"  {word}" for word in (self.fix and f"fix: {self.fix}",) if word]
        return "\n".join(text)

    def _caret(self) -> tuple[str, str]:
        """The line as shown (cut around the caret when long, tabs as one space), and the caret."""
        line = printable(self.source_line.replace("\t", " "))
        start = max(0, min(self.col - 1 - self.cut, len(line)))
        stop = max(start + 1, min(self.end_col - 1 - self.cut, max(len(line), start + 1)))
        left = 0
        if len(line) > _WIDTH:
            left = max(0, min(start - _WIDTH // 3, len(line) - _WIDTH))
            shown = line[left : left + _WIDTH]
            lead = "…" if left else ""
            tail = "…" if left + _WIDTH < len(line) else ""
            line = lead + shown + tail
            stop = min(stop, left + _WIDTH)
            start, stop = start - left + len(lead), max(stop, start + 1) - left + len(lead)
        caret = " " * _columns(line[:start]) + "^" * max(1, _columns(line[start:stop]))
        return line, caret


def _columns(text: str) -> int:
    """Cells of a terminal that `text` takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
