"""The inventory beside a workflow: `-i`, else the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import click

from runyard.cli.options import inventory_option
from runyard.cli.settings import Settings
from runyard.cli.views.plain import tell
from runyard.model.errors import UsageError

if TYPE_CHECKING:
    from runyard.hosts.inventory import Host, Inventory
    from runyard.inventory.load import Loaded
    from runyard.service.job import RunOptions

T = TypeVar("T")
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


def chosen_hosts(
    sources: Sequence[str], workflow: str | None, patterns: Sequence[str], settings: Settings
) -> tuple[Inventory, list[Host]]:
    """The inventory that `-i` and `-f` name together, and the hosts in it that patterns select.

    Raises:
        RunyardError: it cannot be used, or a pattern names nobody that is known.
    """
    from runyard.hosts.pattern import split_patterns

    inventory = outer_inventory(sources, settings)
    if workflow is not None:
        from runyard.cli.documents import read_workflow

        inventory = read_workflow(workflow, inventory).inventory
    if inventory is None:
        raise UsageError(
            "no inventory is given",
            code="INVENTORY",
            hint=f"-i SOURCE, -f WORKFLOW, or {ENVIRONMENT} in the environment",
        )
    return inventory, inventory.select([p for text in patterns for p in split_patterns(text)])


def hosts_options(command: Callable[..., T]) -> Callable[..., T]:
    """`[PATTERN]… -i SOURCE -f WORKFLOW`, as `patterns`, `inventory` and `workflow`."""
    command = click.option(
        "-f",
        "--file",
        "workflow",
        type=click.Path(allow_dash=True),
        metavar="WORKFLOW",
        help="The inventory of this workflow, on top of the other one.",
    )(command)
    command = inventory_option(command)
    return click.argument("patterns", nargs=-1, metavar="[PATTERN]...")(command)


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
