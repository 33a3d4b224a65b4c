"""`runyard facts`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runyard.cli.inventories import chosen_hosts, hosts_options
from runyard.cli.lazy import Command
from runyard.cli.options import access_options
from runyard.cli.render import output_option
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.hosts.site import Access
    from runyard.service.facts import HostFacts

_COLUMNS = ("os", "arch", "hostname", "user", "python")


@click.command(
    "facts",
    cls=Command,
    examples=[
        "runyard facts -i hosts.ini",
        "runyard facts '@web' -i prod/ --timeout 5s",
        "runyard facts -f deploy.yaml -o json | jq -r '.[] | select(.error) | .host'",
    ],
)
@hosts_options
@click.option("--timeout", default="30s", show_default=True, help="How long a host may take.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="How many hosts are asked at once.",
)
@access_options
@output_option()
@click.pass_obj
def facts(
    settings: Settings,
    patterns: tuple[str, ...],
    inventory: tuple[str, ...],
    workflow: str | None,
    timeout: str,
    concurrency: int,
    access: Access,
    form: str,
) -> int:
    """Connect to the hosts that PATTERN selects (default: all) and ask them what they are.

    These are the facts that conditions see: `when: ${facts.os} == "linux"`. A host that cannot be
    asked is shown with its error. Exit code 0 when all have answered, else 1.
    """
    from runyard.cli.loop import drive
    from runyard.cli.render import dump
    from runyard.service.facts import gather_facts
    from runyard.store.home import Home

    seconds = _seconds(timeout)
    known, hosts = chosen_hosts(inventory, workflow, patterns, settings)
    base = Path(workflow).parent if workflow not in (None, "-") else Path()
    asked = gather_facts(
        Home.default(), known, hosts, access, base=base, at_once=concurrency, timeout=seconds
    )
    found = drive(asked)
    if form == "table":
        _table(found, settings)
    else:
        click.echo(dump([_shape(each) for each in found], form))
    return 1 if any(each.error is not None for each in found) else 0


def _seconds(text: str) -> float:
    from runyard.model.duration import parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise click.UsageError(
            f"--timeout {text!r} is no duration such as 30s", click.get_current_context(silent=True)
        )
    return seconds


def _shape(found: HostFacts) -> dict[str, Any]:
    data: dict[str, Any] = {
        "host": found.host.name, "address": found.host.address, "facts": dict(found.facts),
    }  # fmt: skip
    if found.error is not None:
        data["error"] = found.error.to_dict()
    return data


def _table(found: Sequence[HostFacts], settings: Settings) -> None:
    from runyard.cli.render import screen_columns, table
    from runyard.cli.text import for_screen

    rows = [
        [
            each.host.name,
            *(for_screen(each.facts.get(name, "")) or "-" for name in _COLUMNS),
            for_screen(each.error.message if each.error is not None else "ok"),
        ]
        for each in found
    ]
    paint = settings.paint()
    head = ["HOST", *(name.upper() for name in _COLUMNS), "ANSWER"]
    click.echo(
        table(
            head,
            rows,
            columns=screen_columns(),
            paint=lambda i, cell: (
                paint(cell, "green" if cell == "ok" else "red") if i == len(head) - 1 else cell
            ),
        )
    )
