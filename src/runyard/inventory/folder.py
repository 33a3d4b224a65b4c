"""Folders: which of their files are inventories, and the variables beside inventories."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runyard.inventory.draft import ALL, Draft, Entry
from runyard.inventory.problem import InvalidInventory, InventoryError
from runyard.inventory.values import TAGS, VAULT, variables_of
from runyard.workflow.compose import compose
from runyard.workflow.node import MAP
from runyard.workflow.report import Report
from runyard.workflow.source import Source, Unreadable, decode, read

GROUP_VARS, HOST_VARS = "group_vars", "host_vars"
IGNORED: Final = (
    "~", ".bak", ".orig", ".swp", ".rpm", ".rpmnew", ".rpmsave", ".pyc", ".pyo", ".retry",
    ".md", ".rst", ".txt", ".cfg",
)  # fmt: skip
"""Ends of names that are passed over in a folder; so are names that begin with a dot."""
_ENDS = (".yml", ".yaml", ".json")
_DEPTH = 16


def files_of(folder: Path, depth: int = 0) -> Iterator[Path]:
    """The files of a folder in the order of their names, those of folders in it included.

    Raises:
        InventoryError: it cannot be read, or is nested too deep.
    """
    for name in _names(folder, depth):
        path = folder / name
        if path.is_dir():
            if name not in (GROUP_VARS, HOST_VARS):
                yield from files_of(path, depth + 1)
        elif path.is_file() and not name.endswith(IGNORED):
            yield path


def read_vars(folder: Path, draft: Draft) -> list[Report]:
    """Add the variables of `group_vars/` and `host_vars/` of a folder; returns the reports.

    Only those of groups and hosts that are known already.
    """
    reports: list[Report] = []
    owners: dict[str, Entry] = {ALL: draft.everybody, **draft.groups}
    for part, entries in ((GROUP_VARS, owners), (HOST_VARS, draft.hosts)):
        place = folder / part
        if place.is_dir():
            there = set(_names(place, 0))
            for name, entry in entries.items():
                for path in _files_for(place, name, there):
                    reports += _read(path, entry, draft)
    return reports


def _files_for(place: Path, name: str, there: set[str]) -> Iterator[Path]:
    """`NAME/` with all its files, else the first of NAME, NAME.yml, NAME.yaml, NAME.json."""
    for end in ("", *_ENDS):
        if name + end not in there:
            continue
        path = place / (name + end)
        if path.is_dir():
            if end:
                continue
            yield from _in_folder(path)
        elif path.is_file():
            yield path
        return


def _in_folder(folder: Path, depth: int = 0) -> Iterator[Path]:
    for name in _names(folder, depth):
        path = folder / name
        if path.is_dir():
            yield from _in_folder(path, depth + 1)
        elif path.is_file() and (path.suffix in ("", *_ENDS)) and not name.endswith("~"):
            yield path


def _names(folder: Path, depth: int) -> list[str]:
    if depth > _DEPTH:
        raise InventoryError(f"{folder} is nested too deep", hint="is it a link to itself?")
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise InventoryError(f"{folder} cannot be read: {error.strerror}") from None


def _read(path: Path, entry: Entry, draft: Draft) -> list[Report]:
    name = str(path)
    try:
        source: Source = decode(read(name), name)
    except Unreadable as error:
        raise InvalidInventory(name, (error.diagnostic,)) from None
    if source.text.startswith(VAULT):
        draft.warnings.append(f"{name}: left out, encrypted by ansible-vault")
        return []
    report = Report(source)
    root = compose(source, report, tags=TAGS)
    if root is None or root.is_null:
        return [report]
    if root.kind != MAP:
        report.error("IN008", root, f"variables must be a map, not {root.word}")
        return [report]
    found, encrypted = variables_of(root)
    draft.warn_encrypted(name, encrypted)
    entry.more.update(found)
    return [report]
