"""What the YAML parser stumbled over, said so that it can be repaired."""

from __future__ import annotations

import re
from typing import Any

from runyard.workflow.report import Report
from runyard.workflow.source import Source

_QUOTED_PART = re.compile(
    r"""^(?P<lead>\s*(?:-\s+)*)(?P<key>[\w.-]+):\s+(?P<value>(?P<first>"[^"]*"|'[^']*')\s*(?P<rest>\S.*?))\s*$"""
)
_BAD_START = re.compile(r"^\s*(?:-\s+)*(?P<key>[\w.-]+):\s+(?P<value>[@`%].*?)\s*$")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_WORDS = (
    ("did not find expected ',' or ']'", "a list [ … ] is not closed, or a comma is missing"),
    ("did not find expected ',' or '}'", "a map { … } is not closed, or a comma is missing"),
    ("mapping values are not allowed", "a colon with a space after it starts a value here"),
    ("did not find expected '-' indicator", "this line does not belong to the list above it"),
    ("did not find expected key", "a key was expected here"),
    ("block sequence entries are not allowed", "a list cannot begin here"),
    ("did not find expected node content", "a value was expected here"),
    ("found character that cannot start any token", "a value cannot begin with this character"),
    ("found unexpected end of stream", "the quoted text that begins here does not end"),
    ("found unknown escape character", 'no such escape in "…"'),
    ("control characters are not allowed", "control characters are not allowed"),
)


def explain(error: Any, source: Source, report: Report) -> None:
    """Report a YAMLError: where, in plain words, with the repair of the usual causes."""
    position = getattr(error, "position", None)
    if position is not None:
        _bad_character(error, source, report)
        return
    mark = error.problem_mark or error.context_mark
    problem = error.problem or "this is not YAML"
    if "unexpected end of stream" in problem and error.context_mark is not None:
        mark = error.context_mark
    if mark is not None and _is_end(source, mark.line + 1) and "flow" in (error.context or ""):
        _unclosed(error.context_mark, source, report)
        return
    line, col = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    text = source.line(line)
    if _tab(text):
        _report_tab(line, text, report)
        return
    if _partly_quoted(line, text, report):
        return
    fix = ""
    if (match := _BAD_START.match(text)) is not None:
        value = match["value"].replace("'", "''")
        fix = f"quote it: {match['key']}: '{value}'"
    elif "mapping values" in problem and (match := re.match(r"\s*(?:-\s+)*([\w.-]+): (.+)$", text)):
        quoted = match[2].replace("'", "''")
        fix = f"quote the text: {match[1]}: '{quoted}'" if ": " in match[2] else "check indentation"
    elif "', ' or '}'" in problem or "',' or '}'" in problem:
        fix = "inside { } quote texts that hold { } [ ] , or :"
    elif "expected key" in problem or "'-' indicator" in problem:
        fix = "check the indentation: keys of one map begin in one column"
    message = next((words for key, words in _WORDS if key in problem), problem)
    report.point("WF007", line, col, message, hint=problem if message != problem else "", fix=fix)


def _is_end(source: Source, line: int) -> bool:
    return not any(text.strip() for text in source.lines[line - 1 :])


def _unclosed(start: Any, source: Source, report: Report) -> None:
    """The document ends inside brackets: point at the opening one, else at the last character."""
    line, col, message = start.line + 1, start.column + 1, "this bracket is never closed"
    if _is_end(source, line):
        line = max(n for n, text in enumerate(source.lines, 1) if text.strip())
        col = len(source.line(line).rstrip())
        message = "the document ends inside brackets"
    report.point("WF007", line, col, message, fix="add the missing ] or }")


def _tab(text: str) -> bool:
    return "\t" in text[: len(text) - len(text.lstrip())]


def _report_tab(line: int, text: str, report: Report) -> None:
    col = text.index("\t") + 1
    width = len(text) - len(text.lstrip()) - col + 1
    report.point(
        "WF008",
        line,
        col,
        "a tab cannot indent a line",
        width=width,
        fix="replace each tab by two spaces",
    )


def _partly_quoted(line: int, text: str, report: Report) -> bool:
    match = _QUOTED_PART.match(text)
    if match is None or match["rest"].startswith("#"):
        return False
    value = match["value"]
    whole = f"'{value}'" if "'" not in value else '"' + value.replace('"', '\\"') + '"'
    report.point(
        "WF018", line, match.start("value") + 1,
        "the quotes end before the value does", width=len(value),
        fix=f"quote the whole expression: {match['key']}: {whole}",
    )  # fmt: skip
    return True


def _bad_character(error: Any, source: Source, report: Report) -> None:
    """A character that YAML forbids; libyaml says only how many bytes or characters are before."""
    for number, text in enumerate(source.lines, 1):
        for col, char in enumerate(text, 1):
            if _FORBIDDEN.match(char):
                message = f"the control character U+{ord(char):04X} is not allowed"
                fix = f'remove it, or write "\\x{ord(char):02x}" inside double quotes'
                report.point("WF007", number, col, message, fix=fix)
                return
    report.point("WF007", 1, 1, str(getattr(error, "reason", error)))
