"""Reading a workflow: bytes, text or a file to a Workflow, or to all that is wrong with it."""

from __future__ import annotations

import os

from runyard.hosts.inventory import Inventory
from runyard.model.action import Actions
from runyard.workflow.check import check_document
from runyard.workflow.compose import compose
from runyard.workflow.document import InvalidWorkflow, Workflow
from runyard.workflow.lower import lower
from runyard.workflow.report import Report
from runyard.workflow.source import Source, Unreadable, decode, read


def load(
    path: str | os.PathLike[str],
    *,
    actions: Actions,
    strict: bool = True,
    outer: Inventory | None = None,
) -> Workflow:
    """Compile the file at `path`. With `strict` False unknown keys only warn.

    `outer` is an inventory beside it (`run -i`); what the document's own says wins.

    Raises:
        InvalidWorkflow: with all diagnostics; nothing else, whatever the file holds.
    """
    name = os.fspath(path)
    try:
        source = decode(read(name), name)
    except Unreadable as error:
        raise InvalidWorkflow(name, (error.diagnostic,)) from None
    return _compile(source, actions, strict, outer)


def loads(
    text: str | bytes,
    *,
    path: str = "<text>",
    actions: Actions,
    strict: bool = True,
    outer: Inventory | None = None,
) -> Workflow:
    """Compile `text`; `path` is what diagnostics call it.

    Raises:
        InvalidWorkflow: with all diagnostics.
    """
    try:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        source = decode(data, path)
    except Unreadable as error:
        raise InvalidWorkflow(path, (error.diagnostic,)) from None
    return _compile(source, actions, strict, outer)


def _compile(source: Source, actions: Actions, strict: bool, outer: Inventory | None) -> Workflow:
    report = Report(source, strict=strict)
    root = compose(source, report)
    if root is None:
        if not report.errors:
            report.point(
                "WF006",
                1,
                1,
                "the document is empty",
                fix="begin with version: v0.1, name: … and steps:",
            )
        raise InvalidWorkflow(source.path, report.diagnostics)
    inventory = check_document(root, actions, report, outer)
    if report.errors:
        raise InvalidWorkflow(source.path, report.diagnostics)
    return lower(root, source, inventory, actions, report.diagnostics, outer)
