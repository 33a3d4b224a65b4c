"""Every step of a document with the name that messages give it."""

from __future__ import annotations

from collections.abc import Iterator

from runyard.model.light import dataclass
from runyard.workflow.node import MAP, Node


@dataclass(repr=False, eq=False)
class Spot:
    """A step and where it stands. `path` is `steps[3]`; `task` is None for plain steps.

    `part` is steps, modules, finally or handlers; `first` says that it leads its task.
    """

    node: Node
    path: str
    part: str
    task: Node | None = None
    first: bool = True


def plain(root: Node, part: str) -> Iterator[Spot]:
    """The steps of a list right under the document: steps, finally, handlers."""
    found = root.get(part)
    if found is not None:
        for index, node in enumerate(found.elements()):
            if node.kind == MAP:
                yield Spot(node, f"{part}[{index}]", part)


def tasks(root: Node) -> Iterator[tuple[Node, Node, str]]:
    """Module, task and path of every task of the modules form."""
    for m, module in enumerate(_children(root, "modules")):
        for t, task in enumerate(_children(module, "tasks")):
            if task.kind == MAP:
                yield module, task, f"modules[{m}].tasks[{t}]"


def in_tasks(root: Node) -> Iterator[Spot]:
    """The steps of the modules form."""
    for _, task, path in tasks(root):
        for s, node in enumerate(_children(task, "steps")):
            if node.kind == MAP:
                yield Spot(node, f"{path}.steps[{s}]", "modules", task, s == 0)


def work(root: Node) -> Iterator[Spot]:
    """All steps but handlers, in the order in which they run."""
    yield from plain(root, "steps")
    yield from in_tasks(root)
    yield from plain(root, "finally")


def _children(node: Node, key: str) -> list[Node]:
    found = node.get(key)
    return [] if found is None else found.elements()
