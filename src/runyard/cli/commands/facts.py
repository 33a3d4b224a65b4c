"""`runyard facts`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runyard.cli.inventories import chosen_hosts, hosts_options
from runyard.cli.lazy import Command
from runyard.cli.options import access_options
from runyard.cli.render import output_option
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.hosts.inventory import Host
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
@click.option(
    "--timeout",
    default="30s",
    show_default=True,
    metavar="DURATION",
    help="How long a host may take.",
)
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
    asked is shown with its error. Exit code 0 when all have answered, else 1. Ctrl-C shows what is
    known by then.
    """
    from runyard.cli.loop import drive
    from runyard.cli.render import dump
    from runyard.service.facts import ask_facts
    from runyard.store.home import Home

    seconds = _seconds(timeout)
    known, hosts = chosen_hosts(inventory, workflow, patterns, settings)
    base = Path(workflow).parent if workflow not in (None, "-") else Path()
    asked = ask_facts(
        Home.default(), known, hosts, access, base=base, at_once=concurrency, timeout=seconds
    )
    told: dict[str, HostFacts] = {}
    stopped = drive(_collect(asked, told, hosts, settings))
    found = [told[host.name] for host in hosts if host.name in told]
    if form == "table":
        _table(found, settings)
    else:
        click.echo(dump([_shape(each) for each in found], form))
    if stopped:
        return _tell_stopped([host.name for host in hosts if host.name not in told])
    return 1 if any(each.error is not None for each in found) else 0


async def _collect(
    asked: AsyncGenerator[HostFacts],
    told: dict[str, HostFacts],
    hosts: Sequence[Host],
    settings: Settings,
) -> bool:
    """Put answers into `told` as they come; True when Ctrl-C has ended that."""
    import asyncio
    from contextlib import aclosing

    from runyard.cli.progress import names, shown

    def now() -> str:
        left = [host.name for host in hosts if host.name not in told]
        return f"{len(told)} of {len(hosts)} hosts answered, waiting for {names(left)}"

    try:
        async with shown(now, settings), aclosing(asked):
            async for answer in asked:
                told[answer.host.name] = answer
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        return True
    return False


def _tell_stopped(left: Sequence[str]) -> int:
    from runyard.cli import failure
    from runyard.cli.progress import names
    from runyard.cli.views.plain import tell

    tell(f"runyard: stopped by Ctrl-C; no answer from {names(left)}")
    return failure.SIGINT


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
