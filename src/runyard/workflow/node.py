"""Nodes of a parsed document: a value and the place where it stands."""

from __future__ import annotations

from typing import Any

SCALAR, LIST, MAP = "scalar", "list", "map"


class Node:
    """One scalar, list or map of the document. Lines and columns count from 1, in characters.

    Attributes:
        kind: `SCALAR`, `LIST` or `MAP`.
        value: the resolved scalar; a list of nodes; a dict from key text to node.
        raw: the scalar's text before it was resolved; "" for lists and maps.
        style: None (plain), `'`, `"`, `|` or `>` for scalars; True for `[…]` and `{…}`.
        keys: nodes of a map's keys, by key text.
        size, height: values and levels below, aliases counted as what they stand for.
    """

    __slots__ = (
        "col", "end_col", "end_line", "height", "keys", "kind", "line", "raw", "size", "style",
        "value",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        value: Any,
        line: int,
        col: int,
        end_line: int,
        end_col: int,
        style: Any = None,
        raw: str = "",
        keys: dict[str, Node] | None = None,
    ) -> None:
        self.kind = kind
        self.value = value
        self.line = line
        self.col = col
        self.end_line = end_line
        self.end_col = end_col
        self.style = style
        self.raw = raw
        self.keys = keys
        self.size = 1
        self.height = 0

    @property
    def word(self) -> str:
        """What people call its type: `a string`, `a list`, `null`, …."""
        if self.kind == LIST:
            return "a list"
        if self.kind == MAP:
            return "a map"
        if self.value is None:
            return "nothing"
        if isinstance(self.value, bool):
            return "a boolean"
        if isinstance(self.value, int | float):
            return "a number"
        return "a string"

    @property
    def is_null(self) -> bool:
        return self.kind == SCALAR and self.value is None

    def get(self, key: str) -> Node | None:
        """The value under `key` of a map; None for anything else, and for an explicit null."""
        if self.kind != MAP:
            return None
        found: Node | None = self.value.get(key)
        return None if found is None or (found.kind == SCALAR and found.value is None) else found

    def key(self, key: str) -> Node:
        """The node of `key` itself, or this node when there is none."""
        return (self.keys or {}).get(key, self)

    def text(self, key: str) -> str:
        """The string under `key`, or ""."""
        found = self.get(key)
        return found.value if found is not None and isinstance(found.value, str) else ""

    def items(self) -> list[tuple[str, Node]]:
        """Keys and values of a map; empty for anything else."""
        return list(self.value.items()) if self.kind == MAP else []

    def elements(self) -> list[Node]:
        """Elements of a list; empty for anything else."""
        return self.value if self.kind == LIST else []

    def strings(self, key: str) -> list[tuple[str, Node]]:
        """The strings of the list under `key`, with their nodes; other elements left out."""
        found = self.get(key)
        if found is None:
            return []
        return [(n.value, n) for n in found.elements() if isinstance(n.value, str)]

    def plain(self) -> Any:
        """The value without places: what JSON would hold."""
        if self.kind == MAP:
            return {key: node.plain() for key, node in self.value.items()}
        if self.kind == LIST:
            return [node.plain() for node in self.value]
        return self.value

    def at(self, path: tuple[str | int, ...]) -> Node:
        """The node at `path` below this one, or the last one on the way there."""
        node = self
        for part in path:
            if node.kind == MAP:
                known = part in node.value
            else:
                known = node.kind == LIST and isinstance(part, int) and part < len(node.value)
            if not known:
                break
            node = node.value[part]
        return node
