"""What the YAML parser stumbled over, said so that it can be repaired."""

from __future__ import annotations

import re
from typing import Any

from runyard.workflow.report import Report
from runyard.workflow.source import Source
from runyard.workflow.tag import EATEN, quote

_QUOTED_PART = re.compile(
    r"""^(?P<lead>\s*(?:-\s+)*)(?P<key>[\w.-]+):\s+(?P<value>(?P<first>"[^"]*"|'[^']*')\s*(?P<rest>\S.*))$"""
)
_BAD_START = re.compile(r"^\s*(?:-\s+)*(?P<key>[\w.-]+):\s+(?P<value>[@`%].*)$")
_EATEN = re.compile(r"^(?P<lead>\s*(?:-\s+)*)(?P<key>[\w.-]+):\s+(?P<value>!.*)$")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
MAX_REPAIRED = 2000
"""Characters of a line that is looked at for a repair."""
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
    ("did not find expected whitespace or line break", EATEN),
    ("incompatible YAML document", "this version of YAML is not supported"),
    ("control characters are not allowed", "control characters are not allowed"),
)


def explain(error: Any, source: Source, report: Report) -> str | None:
    """Report a YAMLError: where, in plain words, with the repair of the usual causes.

    Returns the text with the line repaired where that is sure, so that what follows can be
    judged as well; else None.
    """
    if getattr(error, "position", None) is not None:
        _bad_character(error, source, report)
        return None
    mark = error.problem_mark or error.context_mark
    problem = error.problem or "this is not YAML"
    if "unexpected end of stream" in problem and error.context_mark is not None:
        mark = error.context_mark
    if mark is not None and _is_end(source, mark.line + 1) and "flow" in (error.context or ""):
        _unclosed(error.context_mark, source, report)
        return None
    line, col = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    text = source.line(line).rstrip()
    if len(text) > MAX_REPAIRED:
        text = ""
    repaired = (
        _tab(line, source, report)
        or _partly_quoted(line, text, report)
        or _eaten(line, text, report)
    )
    if repaired is not None:
        lines = source.lines
        return "\n".join([*lines[: line - 1], repaired, *lines[line:]])
    message = next((words for key, words in _WORDS if key in problem), problem)
    hint = problem if message != problem else ""
    report.point("WF007", line, col, message, hint=hint, fix=_repair(problem, text))
    return None


def _repair(problem: str, text: str) -> str:
    if (match := _BAD_START.match(text)) is not None:
        value = match["value"].replace("'", "''")
        return f"quote it: {match['key']}: '{value}'"
    if "expected whitespace" in problem and (match := re.search(r"![^\s,\]}]+", text)):
        return quote("", match[0])
    if "mapping values" in problem:
        match = re.match(r"\s*(?:-\s+)*([\w.-]+): (.+)$", text)
        if match is None or ": " not in match[2]:
            return "check the indentation"
        quoted = match[2].replace("'", "''")
        return f"quote the text: {match[1]}: '{quoted}'"
    if "',' or '}'" in problem:
        return "inside { } quote texts that hold { } [ ] , or :"
    if "expected key" in problem or "'-' indicator" in problem:
        return "check the indentation: keys of one map begin in one column"
    if "block sequence entries" in problem:
        return "begin the list on a line of its own"
    if "unknown escape" in problem:
        return "write \\\\ for a backslash, or use single quotes"
    return "remove the line that begins with %" if "incompatible" in problem else ""


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


def _tab(line: int, source: Source, report: Report) -> str | None:
    """The line indented like the one above it, or None when no tab indents it."""
    text = source.line(line)
    content = text.lstrip()
    indent = text[: len(text) - len(content)]
    if "\t" not in indent:
        return None
    col = indent.index("\t") + 1
    width = len(indent) - col + 1
    fix = "replace each tab by two spaces"
    report.point("WF008", line, col, "a tab cannot indent a line", width=width, fix=fix)
    above = next((t for t in reversed(source.lines[: line - 1]) if t.strip()), "")
    level = len(above) - len(above.lstrip(" \t-"))
    if above.rstrip().endswith(":"):
        level += 2
    report.move(line, 0, level - len(indent))
    return " " * level + content


def _partly_quoted(line: int, text: str, report: Report) -> str | None:
    """The line with the whole value quoted, or None when that is not what is wrong."""
    match = _QUOTED_PART.match(text)
    if match is None or match["rest"].startswith("#"):
        return None
    value = re.sub(r"\s+#.*$", "", match["value"])
    whole = f"'{value}'" if "'" not in value else '"' + value.replace('"', '\\"') + '"'
    start = match.start("value")
    fix = f"quote the whole expression: {match['key']}: {whole}"
    message = "the quotes end before the value does"
    report.point("WF018", line, start + 1, message, width=len(value), fix=fix)
    report.move(line, start + 1, 1)
    return text[:start] + whole


def _eaten(line: int, text: str, report: Report) -> str | None:
    """The line with a value quoted that begins with `!`, or None when that is not what is wrong."""
    match = _EATEN.match(text)
    if match is None:
        return None
    value = re.sub(r"\s+#.*$", "", match["value"])
    start = match.start("value")
    fix = quote(match["key"], value)
    report.point("WF015", line, start + 1, EATEN, width=len(value), fix=fix)
    report.move(line, start + 1, 1)
    return text[:start] + "'" + value.replace("'", "''") + "'"


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
