"""Tables: which keys a map of the document takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from runyard.model.light import dataclass
from runyard.model.suggest import did_you_mean
from runyard.workflow.kinds import Kind, refuse
from runyard.workflow.node import MAP, Node
from runyard.workflow.report import Report

_COLLECTIONS = ("ansible.", "community.")


@dataclass(repr=False, eq=False)
class Key:
    """One key. `alias_of` names the key that this deprecated one stands for."""

    name: str
    kind: Kind
    doc: str
    required: bool = False
    default: str = ""
    alias_of: str = ""


@dataclass(repr=False, eq=False)
class Table:
    """The keys of one sort of map; a Kind of its own.

    Attributes:
        habits: keys of other systems, with what to write here instead.
        doc: what the map is, for the reference and for editors.
        example: one in a line, for whoever wrote something else.
    """

    name: str
    doc: str
    keys: Mapping[str, Key]
    habits: Mapping[str, str] = field(default_factory=dict)
    example: str = ""

    @property
    def words(self) -> str:
        names = sorted(self.keys, key=lambda name: not self.keys[name].required)
        return "a map of " + ", ".join(names[:4])

    def check(self, node: Node, path: str, report: Report) -> None:
        if node.kind != MAP:
            fix = f"write {self.example}" if self.example else ""
            refuse(node, path or "a workflow", self.words, report, fix)
            return
        for name, value in node.items():
            if report.is_full:
                return
            key = self.keys.get(name)
            if key is None:
                self._unknown(node.key(name), name, path, report)
                continue
            if key.alias_of:
                self._old(node, key, path, report)
            if not value.is_null:
                key.kind.check(value, f"{path}.{name}" if path else name, report)
        for key in self.keys.values():
            if key.required:
                self._require(node, key, path, report)

    def _require(self, node: Node, key: Key, path: str, report: Report) -> None:
        value = node.get(key.name)
        if value is None or value.value == "":
            message = f"{path} {key.name} is required".lstrip()
            report.error("WF021", node.key(key.name), message, fix=f"add {key.name}:")

    def _old(self, node: Node, key: Key, path: str, report: Report) -> None:
        at, new = node.key(key.name), key.alias_of
        if node.get(new) is not None:
            message = f"{path} has both {key.name} and {new}".lstrip()
            report.error("WF030", at, message, fix=f"keep {new}")
        else:
            message = f"{key.name} is the old name of {new}"
            report.warn("WF029", at, message, fix=f"write {new}:")

    def _unknown(self, at: Node, name: str, path: str, report: Report) -> None:
        where = f" in {path}" if path else ""
        fix = self.habits.get(name, "") or self._action(name)
        hint = "" if fix else did_you_mean(name, self.keys)
        if not fix and not hint:
            fix = "known keys: " + ", ".join(k.name for k in self.keys.values() if not k.alias_of)
        report.unknown("WF012", at, f'unknown key "{name[:60]}"{where}', hint=hint, fix=fix)

    def _action(self, name: str) -> str:
        """The repair of a key that names an action or a module: `file.copy:`."""
        module = name.rpartition(".")[2] if name.startswith(_COLLECTIONS) else ""
        if module:
            return self.habits.get(module, "")
        dotted = "action" in self.keys and re.fullmatch(r"[a-z]+\.[a-z_]+", name)
        return f"write action: {name}, and what stands below under args:" if dotted else ""

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}

    def define(self) -> dict[str, Any]:
        """The definition that `schema()` refers to."""
        properties: dict[str, Any] = {}
        for key in self.keys.values():
            entry = {**key.kind.schema(), "description": key.doc}
            if key.alias_of:
                entry["deprecated"] = True
            if key.required and entry.get("type") == "string":
                entry["minLength"] = 1
            properties[key.name] = entry
        required = [key.name for key in self.keys.values() if key.required]
        return {
            "description": self.doc,
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            **({"required": required} if required else {}),
        }


def table(
    name: str,
    doc: str,
    *keys: Key,
    habits: Mapping[str, str] | None = None,
    example: str = "",
) -> Table:
    """A Table of `keys`."""
    return Table(name, doc, {key.name: key for key in keys}, habits or {}, example)
