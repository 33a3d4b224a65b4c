"""Ansible's INI inventories: `[group]`, `[group:children]`, `[group:vars]`, lines of hosts."""

from __future__ import annotations

import re
import shlex
from typing import Final

from runyard.inventory.draft import ALL, UNGROUPED, Draft, Mention
from runyard.inventory.literal import value_of
from runyard.inventory.problem import NAME_RULE, is_host_name, shown
from runyard.inventory.ranges import RangeError, expand, split_port
from runyard.model.suggest import did_you_mean
from runyard.workflow.report import Report, printable
from runyard.workflow.source import Source

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_CHILD = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
_BREAK = re.compile(r"\r\n|[\n\r]")
_SPECIAL: Final = frozenset("\"'\\#")
_KINDS: Final = ("hosts", "children", "vars")


def read_ini(source: Source, draft: Draft) -> Report:
    """Add what the file says to `draft`; mistakes are in the report that is returned.

    Whether groups that are only mentioned exist is left to `draft.mentions`.
    """
    reader = _Reader(source, draft)
    for number, line in enumerate(_BREAK.split(source.text), 1):
        text = line.strip()
        if text and text[0] not in "#;":
            reader.line(number, line.index(text[0]) + 1, text)
            if reader.report.is_full:
                break
    return reader.report


class _Reader:
    """One file; `group` and `kind` are of the section that it is in."""

    def __init__(self, source: Source, draft: Draft) -> None:
        self.draft = draft
        self.report = Report(source)
        self.group, self.kind = UNGROUPED, "hosts"

    def line(self, number: int, col: int, text: str) -> None:
        match = _SECTION.fullmatch(text)
        if match is not None:
            self._section(number, col, match[1], match[2] or "hosts")
        elif text.startswith("[") and text.endswith("]"):
            self.kind = ""
            fix = "write [GROUP], [GROUP:children] or [GROUP:vars], without blanks"
            self._error("IN001", number, col, text, f"{shown(text)} is no section", fix=fix)
        elif self.kind == "vars":
            self._variable(number, col, text)
        elif self.kind == "children":
            self._child(number, col, text)
        elif self.kind == "hosts":
            self._hosts(number, col, text)

    def _section(self, number: int, col: int, group: str, kind: str) -> None:
        self.group, self.kind = group, kind
        whole = f"[{group}:{kind}]"
        if kind not in _KINDS:
            self.kind = ""
            hint = did_you_mean(kind, _KINDS, f"[{group}:{{}}]")
            fix = "" if hint else "write [GROUP], [GROUP:children] or [GROUP:vars]"
            message = f"the section {whole} is of an unknown kind"
            self._error("IN001", number, col, whole, message, hint=hint, fix=fix)
        elif group == ALL:
            return
        elif kind == "vars":
            self.draft.group(group)
            message = f'the section {whole} is of the group "{group}", which nobody declares'
            self._mention(group, number, col, message)
        else:
            self.draft.group(group).declared = True

    def _child(self, number: int, col: int, text: str) -> None:
        match = _CHILD.fullmatch(text)
        if match is None or match[1] == ALL:
            message = f'"{shown(text)}" is no name of a group'
            fix = "one name on a line; hosts and variables have sections of their own"
            self._error("IN002", number, col, text, message, fix=fix)
            return
        child = match[1]
        self.draft.adopt(self.group, child)
        message = f'the group "{self.group}" has the child "{child}", which nobody declares'
        self._mention(child, number, col, message)

    def _variable(self, number: int, col: int, text: str) -> None:
        name, equals, value = text.partition("=")
        if not equals:
            fix = f"write KEY = VALUE; hosts stand under [{self.group}]"
            self._error("IN004", number, col, text, f'"{shown(text)}" has no =', fix=fix)
            return
        self.draft.owner(self.group).raw[name.strip()] = value_of(value.strip())

    def _hosts(self, number: int, col: int, text: str) -> None:
        words = self._words(number, col, text)
        if not words:
            return
        pattern, port = split_port(words[0])
        try:
            names = expand(pattern)
        except RangeError as error:
            message = f"{shown(pattern)}: {error}"
            self._error("IN005", number, col, words[0], message, fix=error.hint)
            return
        variables = {}
        at, errors = len(words[0]), self.report.errors
        for word in words[1:]:
            key, equals, value = word.partition("=")
            at = max(at, text.find(word, at))
            if equals and key:
                variables[key] = value_of(value)
                continue
            message = f'"{shown(word)}" is not KEY=VALUE'
            fix = "one host on a line; quote values that hold blanks: KEY='a b'"
            self._error("IN003", number, col + at, word, message, fix=fix)
        if self.report.errors > errors:
            return
        for name in names:
            if not is_host_name(name):
                message = f'"{shown(name)}" is no name of a host'
                self._error("IN006", number, col, words[0], message, fix=NAME_RULE)
                return
            self.draft.foreign(name, port).raw.update(variables)
        self.draft.join(self.group, names)
        if self.group == UNGROUPED:
            self.draft.group(UNGROUPED).declared = True

    def _words(self, number: int, col: int, text: str) -> list[str]:
        if _SPECIAL.isdisjoint(text):
            return text.split()
        try:
            return shlex.split(text, comments=True)
        except ValueError as error:
            fix = "close the quotes" if "quot" in str(error) else "write \\\\ for a backslash"
            self._error("IN003", number, col, text, f"the line cannot be read: {error}", fix=fix)
            return []

    def _mention(self, group: str, line: int, col: int, message: str) -> None:
        self.draft.mentions.append(Mention(group, self.report, line, col, message))

    def _error(
        self,
        code: str,
        line: int,
        col: int,
        word: str,
        message: str,
        *,
        hint: str = "",
        fix: str = "",
    ) -> None:
        width = max(1, len(word))
        self.report.point(code, line, col, printable(message), width=width, hint=hint, fix=fix)
