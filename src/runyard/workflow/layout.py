"""Lays a document out again, line by line: order of keys, indentation. What was written stays.

Works on the lines of the source, not on values, so that comments, quotes, block scalars and
aliases survive as they are. What it does not understand is shifted as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runyard.workflow.kinds import Either, Kind, ListOf, MapOf
from runyard.workflow.node import LIST, MAP, SCALAR, Node
from runyard.workflow.source import Source
from runyard.workflow.table import Table

_DASH = re.compile(r"\s*-\s*")


@dataclass(repr=False, eq=False)
class Line:
    """A line of the result; `fixed` ones are inside a text and keep their every blank."""

    text: str
    fixed: bool = False

    @property
    def is_note(self) -> bool:
        """Blank, or a comment."""
        return not self.fixed and (not self.text.strip() or self.text.lstrip().startswith("#"))


class Layout:
    """One document. `renamed` collects maps whose old key got its new name."""

    def __init__(self, source: Source, root: Node, table: Table) -> None:
        self._lines = [Line(text) for text in source.lines]
        self._root = root
        self._table = table
        self.renamed: list[tuple[Node, str, str]] = []
        for node in _texts(root):
            for number in range(node.line + 1, self._end(node) + 1):
                self._at(number).fixed = True

    def lines(self) -> list[Line]:
        """The whole document laid out."""
        top = min((key.line for key in (self._root.keys or {}).values()), default=1)
        first, last = self._leading(top, 1, 1), len(self._lines)
        for number in range(first, last + 1):
            if not self._at(number).fixed and self._at(number).text.rstrip() == "...":
                last = number - 1
                break
        blank = [n for n in range(first, top) if not self._at(n).text.strip()]
        first = max(blank) + 1 if blank else first
        head, tail = self._lines[: first - 1], self._lines[last:]
        return [*head, *self._map(self._root, first, last, 0, self._table), *tail]

    def _at(self, number: int) -> Line:
        return self._lines[number - 1]

    def _end(self, node: Node) -> int:
        """The last line of a text or of brackets, without blank lines that do not count."""
        end = min(node.end_line, len(self._lines))
        if node.kind == SCALAR and node.style in ("|", ">"):
            end -= node.end_col == 1 and end == node.end_line
            head = self._at(node.line).text[node.col - 1 : node.col + 2]
            while "+" not in head and end > node.line and not self._at(end).text.strip():
                end -= 1
        return end

    def _leading(self, line: int, least: int, col: int) -> int:
        """The first of the notes right above `line`; deeper ones belong to what is above."""
        first = line
        while first > least and self._at(first - 1).is_note:
            first -= 1
        for number in range(line - 1, first - 1, -1):
            text = self._at(number).text
            if text.strip() and len(text) - len(text.lstrip()) >= col:
                return number + 1
        return first

    def _tail(self, line: int, last: int, col: int, indent: int) -> tuple[int, list[Line]]:
        """Notes at the end of a block that are not indented deeper than it: they stay at its end.

        Returns the last line without them, and them.
        """
        first = self._leading(last + 1, line + 1, col)
        notes = [_indented(self._at(number), indent) for number in range(first, last + 1)]
        return first - 1, notes

    def _map(self, node: Node, first: int, last: int, indent: int, kind: Kind | None) -> list[Line]:
        keys = dict(node.keys or {})
        order = sorted(keys, key=lambda name: keys[name].line)
        if not order or not self._is_plain(node, [keys[name] for name in order], first, last):
            return self._shift(first, last, indent - (node.col - 1))
        col = keys[order[0]].col
        last, tail = self._tail(keys[order[-1]].line, last, col, indent)
        starts = [self._leading(keys[name].line, first, col) for name in order]
        starts[0] = first
        ends = [*(start - 1 for start in starts[1:]), last]
        spans = dict(zip(order, zip(starts, ends, strict=True), strict=True))
        if isinstance(kind, Table):
            known = list(kind.keys)
            order.sort(key=lambda name: known.index(name) if name in known else len(known))
        found: list[Line] = []
        for name in order:
            found += self._entry(node, name, *spans[name], indent, kind)
        return found + tail

    def _entry(
        self, node: Node, name: str, first: int, last: int, indent: int, kind: Kind | None
    ) -> list[Line]:
        key, value = (node.keys or {})[name], node.value[name]
        notes = [_indented(self._at(n), indent) for n in range(first, key.line)]
        self._rename(node, name, key, kind)
        within = key.line < value.line <= last and not value.style
        if value.kind == SCALAR or not within:
            return [*notes, *self._shift(key.line, last, indent - (key.col - 1))]
        head = self._shift(key.line, key.line, indent - (key.col - 1))
        lay = self._map if value.kind == MAP else self._list
        inner = lay(value, key.line + 1, last, indent + 2, _below(kind, name, value.kind))
        return [*notes, *head, *inner]

    def _rename(self, node: Node, name: str, key: Node, kind: Kind | None) -> None:
        known = kind.keys if isinstance(kind, Table) else {}
        new = known[name].alias_of if name in known else ""
        if new and new not in node.value and key.style is None:
            line, start = self._at(key.line), key.col - 1
            line.text = line.text[:start] + new + line.text[start + len(name) :]
            self.renamed.append((node, name, new))

    def _list(
        self, node: Node, first: int, last: int, indent: int, kind: Kind | None
    ) -> list[Line]:
        items, col = node.elements(), node.col
        dashes = [self._at(item.line).text[: item.col - 1] for item in items if item.line <= last]
        right = len(dashes) == len(items) and all(
            _DASH.fullmatch(text) and text.index("-") == col - 1 for text in dashes
        )
        if not right or not self._is_plain(node, items, first, last, same_col=False):
            return self._shift(first, last, indent - (col - 1))
        last, tail = self._tail(items[-1].line, last, col, indent)
        starts = [self._leading(item.line, first, col) for item in items]
        starts[0] = first
        ends = [*(start - 1 for start in starts[1:]), last]
        inner = kind.item if isinstance(kind, ListOf) else None
        found: list[Line] = []
        for item, start, end in zip(items, starts, ends, strict=True):
            found += [_indented(self._at(n), indent) for n in range(start, item.line)]
            found += self._item(item, end, indent, inner)
        return found + tail

    def _item(self, item: Node, last: int, indent: int, kind: Kind | None) -> list[Line]:
        line = self._at(item.line)
        line.text = " " * (item.col - 1) + line.text[item.col - 1 :]
        keys = [key.line for key in (item.keys or {}).values()]
        if item.kind == MAP and not item.style and keys and min(keys) == item.line:
            found = self._map(item, item.line, last, indent + 2, kind)
        else:
            found = self._shift(item.line, last, indent + 2 - (item.col - 1))
        place = next((n for n, one in enumerate(found) if not one.is_note), 0)
        found[:place] = [_indented(one, indent) for one in found[:place]]
        text = found[place].text
        found[place] = Line((" " * indent + "- " + text[indent + 2 :]).rstrip())
        return found

    def _is_plain(
        self, node: Node, places: list[Node], first: int, last: int, *, same_col: bool = True
    ) -> bool:
        """True for a block of which every part stands on a line of its own, nothing merged in."""
        lines = [place.line for place in places]
        if node.style or len(set(lines)) != len(lines) or lines != sorted(lines):
            return False
        if not all(first <= line <= last for line in lines):
            return False
        if same_col and len({place.col for place in places}) > 1:
            return False
        merge = " " * (places[0].col - 1) + "<<"
        span = (self._at(n) for n in range(first, last + 1))
        return not any(one.text.startswith(merge) for one in span if not one.fixed)

    def _shift(self, first: int, last: int, by: int) -> list[Line]:
        """Lines as they are, moved right or (never beyond their text) left."""
        found = []
        for number in range(first, last + 1):
            line = self._at(number)
            if by >= 0:
                text = " " * by + line.text if line.text.strip() else line.text
            else:
                blank = len(line.text) - len(line.text.lstrip(" "))
                text = line.text[min(-by, blank) :]
            found.append(Line(text, line.fixed))
        return found


def _indented(line: Line, indent: int) -> Line:
    return Line(" " * indent + line.text.strip() if line.text.strip() else "")


def _below(kind: Kind | None, name: str, form: str) -> Kind | None:
    """What the value under `name` is, where the tables know it."""
    if isinstance(kind, MapOf):
        return kind.item
    if not isinstance(kind, Table) or name not in kind.keys:
        return None
    found = kind.keys[name].kind
    return found.forms.get(form) if isinstance(found, Either) else found


def _texts(root: Node) -> Iterator[Node]:
    """Scalars and brackets: inside them a `#` may be no comment, and blanks count."""
    stack, seen = [root], set[int]()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.kind == SCALAR or node.style:
            yield node
        elif node.kind == MAP:
            stack += node.value.values()
        elif node.kind == LIST:
            stack += node.value
