"""`runyard fmt`: one way to write a workflow. Comments, quotes and texts stay as they are."""

from __future__ import annotations

import json
from typing import Any

from runyard.workflow.compose import compose
from runyard.workflow.document import InvalidWorkflow
from runyard.workflow.keys import DOCUMENT
from runyard.workflow.layout import Layout, Line
from runyard.workflow.node import MAP, Node
from runyard.workflow.report import Report
from runyard.workflow.source import Source


def format_text(text: str, path: str = "<text>") -> str:
    """The document with keys in the reference's order, two blanks per level, `args` for `with`.

    The result says the same: it is read again, and where it does not, only blanks at the ends of
    lines are removed. Formatting twice changes nothing.

    Raises:
        InvalidWorkflow: `text` is not YAML, or holds duplicate keys.
    """
    source = Source(path, text)
    report = Report(source)
    root = compose(source, report)
    if root is None or report.errors:
        if not report.errors:
            report.point("WF006", 1, 1, "the document is empty")
        raise InvalidWorkflow(path, report.diagnostics)
    if root.kind != MAP or root.style:
        return text
    layout = Layout(source, root, DOCUMENT)
    laid = _joined(layout.lines())
    for node, old, new in layout.renamed:
        node.value[new] = node.value.pop(old)
    if _says(laid) == _canonical(root):
        return laid
    tidy = _joined([Line(line.rstrip()) for line in source.lines])
    return tidy if _says(tidy) == _says(text) else text


def _joined(lines: list[Line]) -> str:
    """One line end, no blanks at line ends, one empty line at most, none at both ends."""
    kept: list[Line] = []
    for line in lines:
        text = line.text if line.fixed else line.text.rstrip()
        if not text and not line.fixed and (not kept or not kept[-1].text):
            continue
        kept.append(Line(text, line.fixed))
    while kept and not kept[-1].text and not kept[-1].fixed:
        kept.pop()
    return "".join(line.text + "\n" for line in kept)


def _says(text: str) -> str:
    source = Source("<text>", text)
    report = Report(source)
    root = compose(source, report)
    return "" if root is None or report.errors else _canonical(root)


def _canonical(root: Node) -> str:
    plain: Any = root.plain()
    return json.dumps(plain, sort_keys=True)
