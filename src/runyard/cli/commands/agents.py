"""`runyard agents`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runyard.cli.inventories import chosen_hosts, hosts_options
from runyard.cli.lazy import Command
from runyard.cli.options import agent_options
from runyard.cli.render import output_option
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.cli.style import Paint
    from runyard.hosts.agent.look import Seen
    from runyard.hosts.inventory import Host, Inventory
    from runyard.hosts.site import Access

PAUSE = 2.0
SKEW = 2
"""Seconds that a clock may differ before it is told."""


@click.command(
    "agents",
    cls=Command,
    examples=[
        "runyard agents -i hosts.ini",
        "runyard agents '@web' -f deploy.yaml --token-file token",
        "runyard agents http://web1:7072 http://web2:7072 -o json",
        "runyard agents -i prod/ --watch",
    ],
)
@hosts_options
@click.option(
    "--timeout",
    default="10s",
    show_default=True,
    metavar="DURATION",
    help="How long an agent may take.",
)
@click.option("--watch", is_flag=True, help="Look again every 2 s, until Ctrl-C.")
@agent_options
@output_option()
@click.pass_obj
def agents(
    settings: Settings,
    patterns: tuple[str, ...],
    inventory: tuple[str, ...],
    workflow: str | None,
    timeout: str,
    watch: bool,
    access: Access,
    form: str,
) -> int:
    """Ask the push agents of the hosts that PATTERN selects (default: all) how they are.

    In place of patterns, addresses of agents may be given. Hosts that are reached in another way
    are left out.

    \b
    ok       it is there and lets us in
    refused  it is there, and the token is another one
    absent   nobody answers
    wrong    who answers is no agent that this version can work with

    Exit code 0 when all are ok, else 1.
    """
    from runyard.cli.loop import drive
    from runyard.service.agents import see_agents

    if watch and form != "table":
        raise click.UsageError("--watch shows a table", click.get_current_context())
    seconds = _seconds(timeout)
    known, hosts = _chosen(inventory, workflow, patterns, settings)
    base = Path(workflow).parent if workflow not in (None, "-") else Path()

    async def look() -> list[Seen]:
        return await see_agents(known, hosts, access, base=base, timeout=seconds)

    if watch:
        return drive(_watch(look, settings))
    seen = drive(look())
    if form == "table":
        click.echo("\n".join(_lines(seen, settings)))
    else:
        from runyard.cli.render import dump

        click.echo(dump([_shape(each) for each in seen], form))
    return 0 if all(each.state == "ok" for each in seen) else 1


def _chosen(
    sources: Sequence[str], workflow: str | None, words: Sequence[str], settings: Settings
) -> tuple[Inventory, list[Host]]:
    """Hosts with agents: those of the inventory that are meant, or addresses as they are given.

    Raises:
        UsageError: patterns and addresses are mixed, an address is none, or no host has an agent.
    """
    from runyard.hosts.address import transport_of, without_password
    from runyard.hosts.inventory import Host, Inventory
    from runyard.model.errors import UsageError

    addresses = [word for word in words if "://" in word]
    if not addresses:
        inventory, hosts = chosen_hosts(sources, workflow, words, settings)
    elif len(addresses) == len(words):
        for address in addresses:
            transport_of(address)
        names = [without_password(address).partition("://")[2].rstrip("/") for address in addresses]
        hosts = [Host(name, address) for name, address in zip(names, addresses, strict=True)]
        inventory = Inventory.of(hosts)
    else:
        raise UsageError("give either patterns or addresses of agents, not both")
    agents = [host for host in hosts if host.transport == "agent"]
    if not agents:
        raise UsageError(
            "none of these hosts is reached through an agent",
            code="NO_AGENTS",
            hint="the address of such a host is http://HOST:7072",
        )
    return inventory, agents


def _seconds(text: str) -> float:
    from runyard.model.duration import parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise click.UsageError(f"--timeout {text!r} is no duration such as 10s")
    return seconds


async def _watch(look: Callable[[], Awaitable[list[Seen]]], settings: Settings) -> int:
    """Look again and again; on a terminal in the same place."""
    import asyncio

    from runyard.cli.settings import is_terminal

    back = "\x1b[H\x1b[2J" if is_terminal() else ""
    while True:
        lines = _lines(await look(), settings)
        click.echo(back + "\n".join(lines))
        await asyncio.sleep(PAUSE)


def _lines(seen: Sequence[Seen], settings: Settings) -> list[str]:
    from runyard.cli.render import screen_columns, table
    from runyard.cli.text import clip, for_screen

    paint = settings.paint()
    rows = [[for_screen(cell) for cell in _cells(each)] for each in seen]
    head = ["HOST", "STATE", "VERSION", "LATENCY", "ACTIONS", "RUNNING", "PLATFORM", "ADDRESS"]
    lines = [table(head, rows, paint=lambda i, cell: _painted(paint, cell) if i == 1 else cell)]
    columns = screen_columns()
    for each in seen:
        if each.error is not None:
            text = f"{each.host.name}: {for_screen(each.error.message)}"
            lines.append(text if columns is None else clip(text, columns))
        elif each.skew is not None and abs(each.skew) > SKEW:
            lines.append(f"{each.host.name}: its clock is {each.skew:+d} s off")
    return lines


def _painted(paint: Paint, cell: str) -> str:
    return paint(cell, "green" if cell == "ok" else "red")


def _cells(seen: Seen) -> list[str]:
    about = seen.about
    return [
        seen.host.name,
        seen.state,
        seen.version or seen.kind or "-",
        "-" if seen.latency is None else f"{seen.latency * 1000:.1f} ms",
        str(len(seen.capabilities)) if seen.kind else "-",
        str(about.get("running", "-")),
        str(about.get("platform", "-")),
        seen.host.address,
    ]


def _shape(seen: Seen) -> dict[str, Any]:
    data: dict[str, Any] = {
        "host": seen.host.name,
        "address": seen.host.address,
        "state": seen.state,
        "kind": seen.kind,
        "version": seen.version,
        "latency_ms": None if seen.latency is None else round(seen.latency * 1000, 2),
        "clock_skew": seen.skew,
        "capabilities": list(seen.capabilities),
        "running": seen.about.get("running"),
        "platform": seen.about.get("platform"),
        "labels": seen.about.get("labels", {}),
    }
    if seen.error is not None:
        data["error"] = seen.error.to_dict()
    return data
