"""Collects diagnostics while a document is compiled: all of them, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from runyard.hosts.address import without_passwords
from runyard.workflow.node import SCALAR, Node
from runyard.workflow.source import Source

if TYPE_CHECKING:
    from runyard.workflow.diagnostic import Diagnostic

MAX_DIAGNOSTICS = 1000
KEPT = 400
"""Characters of a line that a diagnostic keeps."""
ERROR, WARNING = "error", "warning"


def printable(text: str) -> str:
    """`text` with control characters replaced: what stands in a file must not drive a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "⏎" if c == "\n" else "·" for c in text)


class Advice(TypedDict, total=False):
    """A guess or a repair, as keywords of Report's methods."""

    hint: str
    fix: str


def advice(text: str) -> Advice:
    """What another part suggests, as a hint when it is a guess, else as a fix."""
    return {"hint": text} if text.startswith("did you mean") else {"fix": text}


class Report:
    """What is wrong so far. With `strict` False, unknown keys and arguments only warn.

    `source` is what was written, `parsed` what is read: the same but for repaired lines.
    """

    def __init__(self, source: Source, *, strict: bool = True) -> None:
        self.source = source
        self.parsed = source
        self.strict = strict
        self.errors = 0
        self._moved: dict[int, tuple[int, int]] = {}
        self._found: dict[tuple[str, int, int, str], Diagnostic] = {}

    def error(self, code: str, node: Node, message: str, *, hint: str = "", fix: str = "") -> None:
        """An error at `node`; its caret covers a scalar, or the first character of the rest."""
        self._at_node(code, ERROR, node, message, hint, fix)

    def warn(self, code: str, node: Node, message: str, *, hint: str = "", fix: str = "") -> None:
        """A warning at `node`."""
        self._at_node(code, WARNING, node, message, hint, fix)

    def unknown(
        self, code: str, node: Node, message: str, *, hint: str = "", fix: str = ""
    ) -> None:
        """A name that nothing reads: an error, or a warning when the document is read leniently."""
        self._at_node(code, ERROR if self.strict else WARNING, node, message, hint, fix)

    def point(
        self,
        code: str,
        line: int,
        col: int,
        message: str,
        *,
        width: int = 1,
        hint: str = "",
        fix: str = "",
    ) -> None:
        """An error at a place that no node holds."""
        self._add(code, ERROR, line, col, col + width, message, hint, fix)

    def move(self, line: int, col: int, by: int) -> None:
        """From now on what is at `col` of `line` or behind it is told `by` columns too far right.

        A repaired line is read on, and diagnostics are about the line as it was written.
        """
        self._moved[line] = (col, by)

    def _at_node(
        self, code: str, severity: str, node: Node, message: str, hint: str, fix: str
    ) -> None:
        end = node.col + 1
        if node.kind == SCALAR and node.end_line == node.line and node.end_col > node.col:
            end = node.end_col
        self._add(code, severity, node.line, node.col, end, message, hint, fix)

    def _add(
        self,
        code: str,
        severity: str,
        line: int,
        col: int,
        end: int,
        message: str,
        hint: str,
        fix: str,
    ) -> None:
        self.errors += severity == ERROR
        if line in self._moved and col > self._moved[line][0]:
            by = self._moved[line][1]
            col, end = max(1, col - by), max(2, end - by)
        key = (code, line, col, message)
        if key in self._found or len(self._found) > MAX_DIAGNOSTICS:
            return
        if len(self._found) == MAX_DIAGNOSTICS:
            code, line, col, end, hint = "WF099", 0, 0, 0, ""
            message = f"more than {MAX_DIAGNOSTICS} diagnostics; the rest is not shown"
            fix = "repair these first"
        from runyard.workflow.diagnostic import Diagnostic

        text = without_passwords(self.source.line(line))
        cut = max(0, col - KEPT // 2) if len(text) > KEPT else 0
        found = Diagnostic(
            code,
            severity,
            message,
            self.source.path,
            line,
            col,
            end,
            text[cut : cut + KEPT],
            hint,
            fix,
            cut,
        )
        self._found[key] = found

    @property
    def is_full(self) -> bool:
        """Looking further would change nothing."""
        return len(self._found) > MAX_DIAGNOSTICS

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All of them in the order of the document; what has no place comes last."""
        return tuple(
            sorted(self._found.values(), key=lambda d: (d.line == 0, d.line, d.col, d.code))
        )
