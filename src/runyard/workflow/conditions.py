"""`when` and `changed_when`: compiled, with the compiler's columns mapped into the file."""

from __future__ import annotations

from functools import lru_cache

from runyard.expr.error import ExprError
from runyard.expr.when import When, compile_when
from runyard.workflow.foreign import Foreign, find_braces, find_call
from runyard.workflow.node import Node
from runyard.workflow.report import Report, advice
from runyard.workflow.source import Source


@lru_cache(maxsize=4096)
def _compiled(text: str) -> When:
    return compile_when(text)


def condition(node: Node) -> When:
    """The compiled expression of a checked node. Raises ExprError."""
    return _compiled(node.raw)


def check_condition(node: Node, path: str, report: Report) -> None:
    """Report what the expression compiler finds wrong, at its very character."""
    foreign = find_braces(node.raw)
    try:
        if foreign is None:
            _compiled(node.raw)
            return
    except ExprError as error:
        foreign = find_call(node.raw, error.column - 1)
        if foreign is None:
            foreign = Foreign(error.column - 1, error.message, error.hint)
    if "${secret:" in foreign.fix:
        foreign.fix = "a secret decides nothing: decide by an ordinary variable"
    line, col = locate(report.parsed, node, foreign.offset)
    report.point("WF040", line, col, f"{path}: {foreign.message}", **advice(foreign.fix))


def locate(source: Source, node: Node, offset: int) -> tuple[int, int]:
    """Line and column in the file of character `offset` of a scalar, whatever its style.

    Text and source are walked together: escapes, doubled quotes, indentation and folded line
    ends take more room in the source than in the text.
    """
    line, col = node.line, node.col - 1
    if node.style in ("|", ">"):
        line, col = line + 1, 0
    elif node.style:
        col += 1
    here = source.line(line)
    for index, char in enumerate(node.raw[: offset + 1]):
        blank = char in " \n\t"
        while not blank and line <= node.end_line:
            col = _past_blanks(here, col)
            if col < len(here) and not (node.style == '"' and _is_joint(here, col)):
                break
            line, col = line + 1, 0
            here = source.line(line)
        if index == offset:
            return line, col + 1
        if blank and col >= len(here):
            line, col = line + 1, 0
            here = source.line(line)
        elif not blank or here[col] in " \t\\":
            col += _width(here, col, node.style)
    return line, min(col, len(here)) + 1


def _past_blanks(here: str, col: int) -> int:
    while col < len(here) and here[col] in " \t":
        col += 1
    return col


def _is_joint(here: str, col: int) -> bool:
    """A backslash at the end of a line joins it to the next."""
    return here[col] == "\\" and col == len(here) - 1


def _width(here: str, col: int, style: object) -> int:
    """Characters of the source that stand for one of the text."""
    if style == "'" and here.startswith("''", col):
        return 2
    if style == '"' and here.startswith("\\", col):
        return {"x": 4, "u": 6, "U": 10}.get(here[col + 1 : col + 2], 2)
    return 1
