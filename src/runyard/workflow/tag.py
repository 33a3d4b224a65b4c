"""Tags: refused where a `!` was meant as text, which YAML would drop without a word."""

from __future__ import annotations

from typing import Any

from runyard.workflow.report import Report
from runyard.workflow.resolve import CORE, Scalar, resolve_tagged, short_tag

TEXT_KEYS = frozenset(("", "when", "changed_when", "enabled", "cmd", "script", "check"))
"""Keys whose value may well begin with an exclamation mark; "" is a list (of targets)."""
EATEN = "YAML takes the ! for a tag and drops it"


def quote(key: str, text: str) -> str:
    """How to write a text that must not be read as YAML."""
    whole = "'" + text.replace("'", "''") + "'"
    return f"quote it: {key}: {whole}" if key else f"quote it: {whole}"


def tagged(event: Any, key: str, report: Report) -> tuple[Scalar, str]:
    """Value and text of a scalar with an explicit tag, which stands under `key` ("" in a list).

    A tag that swallowed the beginning of a text is reported, and the text read as it was meant.
    """
    tag, text, start, end = event.tag, event.value, event.start_mark, event.end_mark
    if tag == "!" or (not tag.startswith(CORE) and key in TEXT_KEYS):
        meant = ""
        if start.line == end.line:
            meant = report.parsed.line(start.line + 1)[start.column : end.column]
            meant = meant[meant.find("!") :].rstrip()
        message = EATEN if tag == "!" else f"YAML takes {short_tag(tag)[:40]} for a tag"
        fix = quote(key, meant) if 1 < len(meant) <= 200 else "quote the whole text"
        _point(report, start, message, fix)
        return (meant, meant) if meant else (text, text)
    try:
        return resolve_tagged(tag, text), text
    except ValueError as error:
        _point(report, start, str(error), "remove the tag")
        return text, text


def refuse_tag(tag: str, start: Any, report: Report) -> None:
    """A list or a map with a tag other than its own."""
    message = EATEN if tag == "!" else f"the tag {short_tag(tag)} is not supported"
    _point(report, start, message, "remove the !" if tag == "!" else "remove the tag")


def _point(report: Report, mark: Any, message: str, fix: str) -> None:
    report.point("WF015", mark.line + 1, mark.column + 1, message, fix=fix)
