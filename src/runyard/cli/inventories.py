"""The inventory beside a workflow: `-i`, else the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runyard.cli.settings import Settings
from runyard.cli.views.plain import tell

if TYPE_CHECKING:
    from runyard.hosts.inventory import Inventory
    from runyard.inventory.load import Loaded
    from runyard.service.job import RunOptions

ENVIRONMENT = "RUNYARD_INVENTORY"


def outer_inventory(given: Sequence[str], settings: Settings) -> Inventory | None:
    """What `-i` names, else what RUNYARD_INVENTORY does; None when neither is there.

    Raises:
        RunyardError: it cannot be used.
    """
    loaded = _load(given or _of_environment(), settings)
    return loaded.inventory if loaded is not None else None


def with_inventory(
    options: RunOptions, settings: Settings, *, fixed: bool = False
) -> tuple[RunOptions, Inventory | None]:
    """The inventory that `options` name, and options that name it from any directory.

    `fixed` options are those of a plan: the environment of now adds nothing to them.

    Raises:
        RunyardError: it cannot be used.
    """
    loaded = _load(options.inventory or (() if fixed else _of_environment()), settings)
    if loaded is None:
        return options, None
    return replace(options, inventory=loaded.sources), loaded.inventory


def _of_environment() -> tuple[str, ...]:
    text = os.environ.get(ENVIRONMENT, "")
    return (text,) if text else ()


def _load(sources: Sequence[str], settings: Settings) -> Loaded | None:
    if not sources:
        return None
    from runyard.inventory.load import load_inventory

    loaded = load_inventory(sources)
    if not settings.quiet:
        for warning in loaded.warnings:
            tell(f"runyard: warning: {warning}")
    return loaded
