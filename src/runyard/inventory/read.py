"""One file of an inventory: what kind it is, and what it says."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from runyard.inventory.draft import Draft
from runyard.inventory.foreign import KEYS as GROUP_KEYS
from runyard.inventory.foreign import read_foreign
from runyard.inventory.ini import read_ini
from runyard.inventory.listing import is_listing, read_listing
from runyard.inventory.own import KEYS as OWN_KEYS
from runyard.inventory.own import read_own
from runyard.inventory.problem import InvalidInventory, InventoryError
from runyard.inventory.program import output_of
from runyard.inventory.values import TAGS, VAULT
from runyard.model.suggest import did_you_mean
from runyard.workflow.compose import compose
from runyard.workflow.node import MAP, Node
from runyard.workflow.report import Report
from runyard.workflow.source import MAX_BYTES, Source, Unreadable, decode, read

_YAML, _INI = (".yaml", ".yml", ".json"), (".ini",)
ENDS = (*_YAML, *_INI, ".toml", ".py", ".sh", ".cfg", ".txt")
"""Of names that are those of files rather than of hosts."""
_KEY_LINE = re.compile(r"(---|%YAML)(\s|$)|[\"']?[^\s#\[\]{}=:]+[\"']?:(\s|$)")
_MAGIC = (b"#!", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_PLAY_KEYS = ("steps", "modules", "version")


def read_file(path: Path, draft: Draft) -> Report | None:
    """Add what the file, or the program, says to `draft`; returns the report of its mistakes.

    Raises:
        InventoryError: a program fails, or the file is of no kind that is known.
        InvalidInventory: it cannot be read as text.
    """
    name = str(path)
    data = _bytes(name)
    if data.startswith(_MAGIC):
        if os.access(name, os.X_OK):
            return _read_output(path, draft)
        raise InventoryError(
            f"{name} is a program that may not be executed", hint=f"chmod +x {name}"
        )
    source = _text(data, name)
    if source.text.startswith(VAULT):
        raise InventoryError(
            f"{name} is encrypted by ansible-vault", hint="name a file that is not"
        )
    kind = path.suffix.lower()
    if kind == ".toml":
        hint = "write YAML or INI; or JSON: ansible-inventory -i FILE --list"
        raise InventoryError(f"{name}: inventories in TOML are not read", hint=hint)
    if kind in _YAML or (kind not in _INI and looks_like_yaml(source.text)):
        return read_text(source, draft)
    known = len(draft.hosts)
    report = read_ini(source, draft)
    if report.errors and kind not in _INI and known == len(draft.hosts):
        message = "this file was read as INI: it does not end in .yaml, .yml or .json"
        fix = "YAML is also what begins with KEY:, with - , { or ---"
        report.point("IN009", 0, 0, message, fix=fix)
    return report


def looks_like_yaml(text: str) -> bool:
    """Decided by the first line that is no comment: `KEY:`, `- `, `{` or `---`."""
    for line in text.splitlines():
        first = line.strip()
        if first and first[0] not in "#;":
            return first.startswith(("{", "- ")) or _KEY_LINE.match(line.rstrip()) is not None
    return False


def read_text(source: Source, draft: Draft) -> Report | None:
    """YAML or JSON: of our own shape, of Ansible's, or as its programs print it."""
    if source.text.lstrip()[:1] == "{":
        data = _json(source.text)
        if isinstance(data, dict) and is_listing(data):
            read_listing(data, source.path, draft)
            return None
    report = Report(source)
    root = compose(source, report, tags=TAGS)
    if root is None or root.is_null:
        return report
    if root.kind != MAP:
        report.error("IN009", root, f"an inventory must be a map, not {root.word}", fix=_TRIED)
    elif root.get("plugin") is not None:
        message = f"this sets up the inventory plugin {root.text('plugin')} of Ansible"
        fix = "let Ansible read it: a program that executes `ansible-inventory -i FILE --list`"
        report.error("IN009", root.key("plugin"), message, fix=fix)
    elif any(key in root.value for key in _PLAY_KEYS) and "inventory" in root.value:
        fix = "its inventory is used when it is run; `runyard inventory -f FILE` shows it"
        report.error("IN009", root, "this is a workflow, not an inventory", fix=fix)
    elif any(key in root.value for key in OWN_KEYS):
        read_own(root, report, draft)
    elif _is_foreign(root):
        read_foreign(root, report, draft)
    else:
        name = next(iter(root.value))
        message = f'no inventory begins with "{name}"' if name else "this is no inventory"
        hint = did_you_mean(name, OWN_KEYS)
        report.error("IN009", root.key(name), message, hint=hint, fix=_TRIED)
    return report


_TRIED = (
    "write hosts:, groups: and vars:, or, as Ansible does, groups with hosts:, children: and vars:"
)


def _is_foreign(root: Node) -> bool:
    """Whether a top key may be a group of Ansible's."""
    if "all" in root.value:
        return True
    for node in root.value.values():
        if any(key in GROUP_KEYS for key, _ in node.items()):
            return True
    return all(node.is_null for node in root.value.values())


def _read_output(path: Path, draft: Draft) -> Report | None:
    argv = [os.path.abspath(path), "--list"]
    data = output_of(argv)
    where = f"{path} --list"
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InventoryError(f"{where} printed what is not UTF-8: {error}") from None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        begin = text.strip()[:80]
        raise InventoryError(
            f"{where} printed no JSON: {error}", hint=f"it begins with {begin!r}" if begin else None
        ) from None
    if not isinstance(found, dict):
        raise InventoryError(f"{where} printed JSON that is no map")
    if not found.keys().isdisjoint(OWN_KEYS) and not is_listing(found):
        return read_text(Source(where, json.dumps(found, indent=1, ensure_ascii=False)), draft)
    if "_meta" not in found and found:
        draft.warnings.append(f"{where} printed no _meta.hostvars: hosts have no variables")
    read_listing(found, where, draft)
    return None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _bytes(name: str) -> bytes:
    """The file, of a program only its beginning."""
    try:
        if os.path.isfile(name) and os.path.getsize(name) > MAX_BYTES:
            with open(name, "rb") as file:
                head = file.read(4)
            if head.startswith(_MAGIC):
                return head
        return read(name)
    except Unreadable as error:
        raise InvalidInventory(name, (error.diagnostic,)) from None
    except OSError as error:
        raise InventoryError(f"{name} cannot be read: {error.strerror}") from None


def _text(data: bytes, name: str) -> Source:
    try:
        return decode(data, name)
    except Unreadable as error:
        raise InvalidInventory(name, (error.diagnostic,)) from None
