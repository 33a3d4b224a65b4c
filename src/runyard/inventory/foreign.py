"""Ansible's YAML inventories: groups with `hosts`, `children` and `vars`."""

from __future__ import annotations

from typing import Any

from runyard.inventory.draft import ALL, Draft
from runyard.inventory.problem import NAME_RULE, is_host_name, shown
from runyard.inventory.ranges import RangeError, expand, split_port
from runyard.inventory.values import variables_of
from runyard.model.suggest import did_you_mean
from runyard.workflow.node import MAP, SCALAR, Node
from runyard.workflow.report import Report, printable

KEYS = ("hosts", "children", "vars")


def read_foreign(root: Node, report: Report, draft: Draft) -> None:
    """Add the groups of a file to `draft`; mistakes go to `report`."""
    for name, node in root.items():
        _group(name, node, report, draft)


def _group(name: str, node: Node, report: Report, draft: Draft) -> None:
    if name != ALL:
        draft.group(name).declared = True
    if node.is_null:
        return
    if node.kind != MAP:
        _refuse(node, name, "a map of hosts, children and vars", report)
        return
    for key, part in node.items():
        path = f"{name}.{key}"
        if key not in KEYS:
            hint = did_you_mean(key, KEYS)
            fix = "" if hint else "variables stand under vars:, groups under children:"
            message = f'the group "{shown(name)}" has the unknown key "{shown(key)}"'
            report.error("IN007", node.key(key), printable(message), hint=hint, fix=fix)
        elif key == "vars":
            if not part.is_null:
                owner = draft.owner(name)
                owner.raw.update(_variables(part, path, report, draft))
        elif (names := _names(part, path, report)) is not None:
            for word, item in names:
                if key == "hosts":
                    _hosts(name, word, item, part.key(word), report, draft)
                elif word == ALL:
                    message = f'the group "{name}" cannot contain "all", which contains it'
                    report.error("IN008", part.key(word), message)
                else:
                    draft.adopt(name, word)
                    draft.group(word).declared = True
                    if item is not None:
                        _group(word, item, report, draft)


def _names(node: Node, path: str, report: Report) -> list[tuple[str, Node | None]] | None:
    """Names with what stands under them; one alone may be written as text."""
    if node.is_null:
        return []
    if node.kind == MAP:
        return [(name, None if item.is_null else item) for name, item in node.items()]
    if node.kind == SCALAR and isinstance(node.value, str):
        return [(node.value, None)]
    _refuse(node, path, "a map", report, "end each name with a colon instead of a dash before it")
    return None


def _hosts(
    group: str, pattern: str, node: Node | None, at: Node, report: Report, draft: Draft
) -> None:
    name, port = split_port(pattern)
    try:
        names = expand(name)
    except RangeError as error:
        message = f"{shown(pattern)}: {error}"
        report.error("IN005", at, printable(message), fix=error.hint)
        return
    variables: dict[str, Any] = {}
    if node is not None:
        variables = _variables(node, f"{group}.hosts.{pattern}", report, draft)
    for each in names:
        if not is_host_name(each):
            message = printable(f'"{shown(each)}" is no name of a host')
            report.error("IN006", at, message, fix=NAME_RULE)
            return
        draft.foreign(each, port).raw.update(variables)
    draft.join(group, names)


def _variables(node: Node, path: str, report: Report, draft: Draft) -> dict[str, Any]:
    if node.kind != MAP:
        _refuse(node, path, "a map of variables", report)
        return {}
    found, encrypted = variables_of(node)
    draft.warn_encrypted(f"{report.source.path}: {path}", encrypted)
    return found


def _refuse(node: Node, path: str, words: str, report: Report, fix: str = "") -> None:
    message = printable(f"{shown(path)} must be {words}, not {node.word}")
    report.error("IN008", node, message, fix=fix)
