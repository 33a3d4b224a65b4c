"""The door of this package: what `-i` names, read and put together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from runyard.hosts.inventory import Inventory
from runyard.inventory.draft import Draft
from runyard.inventory.finish import finish, raise_for
from runyard.inventory.folder import files_of, read_vars
from runyard.inventory.hostlist import read_hosts
from runyard.inventory.problem import InventoryError
from runyard.inventory.read import ENDS, read_file
from runyard.inventory.settle import settle
from runyard.model.light import dataclass
from runyard.workflow.report import Report


@dataclass(frozen=True, slots=True)
class Loaded:
    """An inventory, and what should be known about it.

    Attributes:
        sources: what was read, such that it can be read again from any directory.
        warnings: what was left out, in words.
    """

    inventory: Inventory
    sources: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def load_inventory(sources: Sequence[str], base: Path | None = None) -> Loaded:
    """Read `sources` from left to right and put them together; later ones win, value by value.

    A source is a file, a folder, a program that prints JSON, or with a comma at its end a list of
    hosts; commas elsewhere part several of them. Relative paths are under `base` (default: the
    current directory). Blocks: programs are waited for.

    Raises:
        InvalidInventory: files have mistakes; `diagnostics` holds all of them.
        InventoryError: a source cannot be read or understood, or nobody is in any of them.
    """
    whole = Draft()
    parts = _split(sources, base)
    for part in parts:
        whole.add(_read(part))
    inventory = finish(whole)
    where = tuple(os.path.abspath(part) if isinstance(part, Path) else part for part in parts)
    if not inventory.hosts:
        raise InventoryError(
            "no hosts defined in inventory " + ", ".join(str(part) for part in parts),
            hint="a file, a folder, a program, or a list that ends with a comma: -i web1,web2,",
        )
    return Loaded(inventory, where, tuple(dict.fromkeys(whole.warnings)))


def _split(sources: Sequence[str], under: Path | None) -> list[Path | str]:
    """Every source by itself: a path, or the text of a list of hosts. Raises InventoryError."""
    base = under or Path()
    found: list[Path | str] = []
    for text in sources:
        if text.rstrip().endswith(",") and not os.path.exists(base / text):
            found.append(text.strip())
            continue
        whole = os.path.exists(base / text)
        for part in [text] if whole else [word.strip() for word in text.split(",")]:
            path = base / Path(part).expanduser()
            if not part or not os.path.lexists(path):
                raise InventoryError(f"inventory {part!r} does not exist", hint=_meant(part, text))
            found.append(_short(path) if under is None else path)
    return found


def _meant(part: str, text: str) -> str:
    """What may have been meant by a source that is not there."""
    if "/" in part or part.lower().endswith(ENDS):
        return "name a file, a folder or a program that is there"
    return f"a list of hosts ends with a comma: -i {text},"


def _short(path: Path) -> Path:
    """As messages should call it."""
    try:
        return path.relative_to(Path.cwd())
    except (ValueError, OSError):
        return path


def _read(source: Path | str) -> Draft:
    draft = Draft()
    if isinstance(source, str):
        read_hosts(source, draft)
        return draft
    reports: list[Report | None] = []
    if source.is_dir():
        reports += [read_file(each, draft) for each in files_of(source)]
        folder = source
    else:
        reports.append(read_file(source, draft))
        folder = source.parent
    draft.fill_ungrouped()
    if any(host.foreign for host in draft.hosts.values()):
        reports += read_vars(folder, draft)
    raise_for([report for report in reports if report is not None])
    if not draft.stated:  # Else the place of the circle will be told.
        draft.tree(f"{source}: ")
    settle(draft, str(source), os.path.abspath(folder))
    return draft
