"""Events of the YAML parser to nodes: iterative, bounded, with places.

The parser is libyaml's (through PyYAML) because it is fast; everything above its events is ours,
because PyYAML resolves scalars by YAML 1.1, takes duplicate keys silently and recurses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import yaml

from runyard.workflow.foreign import write_reference
from runyard.workflow.node import LIST, MAP, SCALAR, Node
from runyard.workflow.report import Report
from runyard.workflow.resolve import CORE, resolve
from runyard.workflow.source import Source
from runyard.workflow.tag import refuse_tag, tagged

MAX_DEPTH = 100
MAX_VALUES = 1_000_000
MAX_REPAIRS = 20
_SCALAR, _ALIAS = yaml.ScalarEvent, yaml.AliasEvent
_MAP, _LIST = yaml.MappingStartEvent, yaml.SequenceStartEvent
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_COLLECTION_TAGS = (CORE + "map", CORE + "seq")
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def compose(source: Source, report: Report, *, tags: Collection[str] = ()) -> Node | None:
    """The document's root, or None when it could not be built; `report` then says why.

    `tags` such as `!unsafe` are passed over. A line whose repair is sure is repaired and read on,
    so that all mistakes are told at once.
    """
    text: str | None = source.text
    for _ in range(MAX_REPAIRS):
        if text is None:
            break
        root, text = _read(text, source, report, tags)
        if root is not None:
            return root
    return None


def _read(
    text: str, source: Source, report: Report, tags: Collection[str]
) -> tuple[Node | None, str | None]:
    """The root, or the text to try next."""
    report.parsed = source if text is source.text else Source(source.path, text)
    try:
        return _Composer(report, tags).run(yaml.parse(text, Loader=_LOADER)), None
    except yaml.YAMLError as error:
        from runyard.workflow.syntax import explain

        return None, explain(error, report.parsed, report)
    except UnicodeEncodeError as error:
        line = source.text.count("\n", 0, error.start) + 1
        message = "a lone surrogate is not a character"
        report.point("WF005", line, 1, message, fix="save the file as UTF-8")
    except RecursionError:  # only PyYAML's own parser, where libyaml is missing
        report.point("WF010", 1, 1, f"nested more than {MAX_DEPTH} deep")
    return None, None


class _Stop(Exception):
    """Going on would make no sense, or take too long."""


class _Open:
    """A collection that has not ended. `key` is the key that waits for its value."""

    __slots__ = ("anchor", "key", "merges", "node")

    def __init__(self, node: Node, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.key: Node | None = None
        self.merges: list[tuple[Node, Node]] = []


class _Composer:
    """One document's composition."""

    def __init__(self, report: Report, tags: Collection[str]) -> None:
        self.report = report
        self.plain_tags = frozenset((None, *tags))
        self.anchors: dict[str, Node | None] = {}
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.values = 0
        self.documents = 0

    def run(self, events: Iterator[Any]) -> Node | None:
        try:
            for event in events:
                self._event(event)
        except _Stop:
            return None
        return self.root

    def _event(self, event: Any) -> None:
        kind = type(event)
        if kind is _SCALAR:
            self._place(self._scalar(event))
        elif kind is _MAP or kind is _LIST:
            self._open(event, MAP if kind is _MAP else LIST)
        elif kind in _ENDS:
            self._close(event)
        elif kind is _ALIAS:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                mark = event.start_mark
                self._fail(
                    "WF009",
                    mark,
                    "a second document begins here",
                    "one workflow per file: split it, or remove the line ---",
                )

    def _scalar(self, event: Any) -> Node:
        start, end, text = event.start_mark, event.end_mark, event.value
        value: Any
        if event.tag not in self.plain_tags and event.tag != "?":
            key = self.stack[-1].key if self.stack else None
            value, text = tagged(event, key.raw if key is not None else "", self.report)
        else:
            value = text if event.style else resolve(text)
        node = Node(
            SCALAR,
            value,
            start.line + 1,
            start.column + 1,
            end.line + 1,
            end.column + 1,
            event.style or None,
            text,
        )
        if event.anchor:
            self.anchors[event.anchor] = node
        self.values += 1
        if self.values > MAX_VALUES:
            self._too_many(start)
        return node

    def _open(self, event: Any, kind: str) -> None:
        start = event.start_mark
        if len(self.stack) >= MAX_DEPTH:
            self._fail("WF010", start, f"nested more than {MAX_DEPTH} deep")
        if event.tag not in self.plain_tags and event.tag not in _COLLECTION_TAGS:
            refuse_tag(event.tag, start, self.report)
        empty: Any = {} if kind == MAP else []
        line, col = start.line + 1, start.column + 1
        keys: dict[str, Node] | None = {} if kind == MAP else None
        node = Node(kind, empty, line, col, line, col, bool(event.flow_style), "", keys)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.values += 1
        if self.values > MAX_VALUES:
            self._too_many(start)
        self.stack.append(_Open(node, event.anchor))

    def _close(self, event: Any) -> None:
        done = self.stack.pop()
        node = done.node
        node.end_line, node.end_col = event.end_mark.line + 1, event.end_mark.column + 1
        for key, value in done.merges:
            self._merge(node, key, value)
        if done.anchor:
            self.anchors[done.anchor] = node
        self._place(node)

    def _alias(self, event: Any) -> None:
        mark, name = event.start_mark, event.anchor
        if name not in self.anchors:
            near = ", ".join(sorted(self.anchors)[:5])
            fix = f"anchors so far: {near}" if near else "quote it, if the star is meant"
            self._fail("WF014", mark, f"no anchor &{name} stands before *{name}", fix)
        target = self.anchors[name]
        if target is None:
            self._fail("WF014", mark, f"*{name} stands inside its own anchor &{name}")
            return
        self.values += target.size
        if self.values > MAX_VALUES:
            self._too_many(mark)
        if len(self.stack) + target.height > MAX_DEPTH:
            self._fail("WF010", mark, f"nested more than {MAX_DEPTH} deep by *{name}")
        self._place(target)

    def _place(self, node: Node) -> None:
        """Give a finished node to the collection around it."""
        if not self.stack:
            self.root = node
            return
        around = self.stack[-1]
        parent = around.node
        if parent.kind == LIST:
            parent.value.append(node)
        elif around.key is None:
            around.key = node
            parent.size += 1
            return
        else:
            key, around.key = around.key, None
            self._pair(around, key, node)
        parent.size += node.size
        if node.height >= parent.height:
            parent.height = node.height + 1

    def _pair(self, around: _Open, key: Node, value: Node) -> None:
        parent = around.node
        if key.kind != SCALAR:
            message, fix = f"a key must be a word, not {key.word}", 'quote it: "{…}": …'
            if key.kind == MAP and key.style and len(key.value) == 1:
                ((name, inner),) = key.value.items()
                if inner.is_null:
                    message = "{{ }} is not how a variable is written"
                    fix = write_reference(name)
            self.report.error("WF016", key, message, fix=fix)
            return
        if key.raw == "<<" and key.style is None:
            around.merges.append((key, value))
            return
        name = key.raw
        if name in parent.value:
            first = (parent.keys or {})[name]
            self.report.error(
                "WF013",
                key,
                f'key "{name}" is duplicated',
                hint=f"first on line {first.line}",
                fix="keep one of them",
            )
            return
        parent.value[name] = value
        if parent.keys is not None:
            parent.keys[name] = key

    def _merge(self, node: Node, key: Node, value: Node) -> None:
        """`<<: *base`: keys of `base` that the map does not say itself."""
        sources = value.value if value.kind == LIST else [value]
        for source in sources:
            if source.kind != MAP:
                self.report.error(
                    "WF017",
                    key,
                    f"<< merges maps, not {source.word}",
                    fix="write <<: *anchor, where &anchor is a map",
                )
                return
            for name, item in source.value.items():
                if name not in node.value:
                    node.value[name] = item
                    if node.keys is not None and source.keys is not None:
                        node.keys[name] = source.keys[name]

    def _too_many(self, mark: Any) -> None:
        self._fail(
            "WF011",
            mark,
            f"more than {MAX_VALUES:,} values, aliases counted as what they stand for",
            "a workflow is not data: read large data in a step",
        )

    def _error(self, code: str, mark: Any, message: str, fix: str = "") -> None:
        self.report.point(code, mark.line + 1, mark.column + 1, message, fix=fix)

    def _fail(self, code: str, mark: Any, message: str, fix: str = "") -> None:
        self._error(code, mark, message, fix)
        raise _Stop
