"""Loops and matrices: one instance of a step per value or combination."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from runyard.model.suggest import did_you_mean
from runyard.workflow.node import MAP, SCALAR, Node
from runyard.workflow.report import Report

MAX_INSTANCES = 10_000
MAX_TOTAL = 100_000
_REFERENCE = re.compile(r"\$\{(item|matrix)(?:\.([A-Za-z0-9_-]+))?[^}]{0,200}\}")


def count(node: Node) -> int:
    """How many instances a step has."""
    loop, matrix = node.get("loop"), node.get("matrix")
    number = len(loop.elements()) if loop is not None else 1
    for _, axis in matrix.items() if matrix is not None else ():
        number *= len(axis.elements())
    return number


def instances(node: Node) -> Iterator[Mapping[str, Any]]:
    """`{"item": …}`, `{"matrix": {…}}` or both of every instance; one empty map for none."""
    loop, matrix = node.get("loop"), node.get("matrix")
    items: list[dict[str, Any]] = [{}]
    if loop is not None:
        items = [{"item": element.plain()} for element in loop.elements()]
    if matrix is None:
        yield from items
        return
    names = [name for name, _ in matrix.items()]
    axes = [[value.plain() for value in axis.elements()] for _, axis in matrix.items()]
    for item in items:
        for values in product(*axes):
            yield {**item, "matrix": dict(zip(names, values, strict=True))}


def check_instances(node: Node, path: str, report: Report) -> None:
    """Bounds, and references to a loop that is not there."""
    matrix = node.get("matrix")
    if matrix is not None and matrix.kind == MAP and not matrix.value:
        report.error("WF027", matrix, f"{path}.matrix must not be empty")
    number = count(node)
    if number > MAX_INSTANCES:
        at = node.key("loop" if node.get("loop") is not None else "matrix")
        report.error(
            "WF043",
            at,
            f"{path} has {number:,} instances; at most {MAX_INSTANCES:,}",
            fix="loop inside a script, or split the work",
        )
    axes = [name for name, _ in matrix.items()] if matrix is not None else []
    for scalar in strings_below(node):
        if "${matrix" in scalar.raw:
            _references(scalar, node, axes, report)


def _references(scalar: Node, node: Node, axes: list[str], report: Report) -> None:
    for match in _REFERENCE.finditer(scalar.raw):
        word, name = match[1], match[2]
        if word == "matrix" and axes and name is not None and name not in axes:
            known = ", ".join(axes)
            message = f"{match[0]} names no axis of the matrix; its axes are {known}"
            report.error("WF044", scalar, message, hint=did_you_mean(name, axes))


def check_loop_values(scalars: Iterable[Node], node: Node, known: set[str], report: Report) -> None:
    """Warn of `${item}` and `${matrix}` that neither the step nor a variable can give.

    Shell text is left out: `for item in …` makes a variable of its own.
    """
    for scalar in scalars:
        for match in _REFERENCE.finditer(scalar.raw):
            word = match[1]
            key = "loop" if word == "item" else "matrix"
            if node.get(key) is None and word not in known:
                message = f"${{{word}}} is used, but the step has no {key}"
                report.warn("WF044", scalar, message, fix=f"add {key}:")


def strings_below(node: Node) -> Iterator[Node]:
    """All strings inside `node`, in the order of the document."""
    stack = [node]
    while stack:
        found = stack.pop()
        if found.kind == SCALAR:
            if isinstance(found.value, str):
                yield found
        elif found.kind == MAP:
            stack.extend(reversed(list(found.value.values())))
        else:
            stack.extend(reversed(found.value))
