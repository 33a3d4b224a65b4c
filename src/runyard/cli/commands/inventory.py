"""`runyard inventory`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from runyard.cli.inventories import chosen_hosts, hosts_options
from runyard.cli.lazy import Command
from runyard.cli.render import output_option
from runyard.cli.settings import Settings

if TYPE_CHECKING:
    from runyard.cli.style import Paint
    from runyard.hosts.inventory import Host, Inventory


@click.command(
    "inventory",
    cls=Command,
    examples=[
        "runyard inventory -i hosts.ini",
        "runyard inventory 'web*' '!web3' -i prod/ -o json | jq '.[].address'",
        "runyard inventory -f deploy.yaml --graph",
        "runyard inventory -i web1,deploy@web2:2222,",
    ],
)
@hosts_options
@click.option("--graph", is_flag=True, help="Print the groups as a tree.")
@click.option("--list", "listed", is_flag=True, help="Print what Ansible's programs print.")
@output_option()
@click.pass_obj
def inventory(
    settings: Settings,
    patterns: tuple[str, ...],
    inventory: tuple[str, ...],
    workflow: str | None,
    graph: bool,
    listed: bool,
    form: str,
) -> int:
    """Show the hosts that PATTERN selects (default: all), how they are reached, their groups, and
    the variables that steps see there, of the inventory alone.

    No host is reached. Variables that are named like secrets (password, token, …) are shown as
    ***, also with --list.
    """
    from runyard.cli.render import dump

    if graph and (listed or form != "table"):
        raise click.UsageError("--graph is for people: leave out the other")
    known, hosts = chosen_hosts(inventory, workflow, patterns, settings)
    if graph:
        click.echo("\n".join(_tree(known, hosts, settings.paint())))
        return 0
    rows = [_shape(known, host) for host in hosts]
    if listed:
        from runyard.inventory.export import listing

        variables = {row["host"]: row["vars"] for row in rows}
        click.echo(dump(listing(known, hosts, variables), "yaml" if form == "yaml" else "json"))
    elif form == "table":
        _table(rows, settings)
    else:
        click.echo(dump(rows, form))
    return 0


def _shape(inventory: Inventory, host: Host) -> dict[str, Any]:
    from runyard.inventory.mask import masked

    variables: dict[str, Any] = dict(inventory.vars)
    for group in host.groups:
        variables.update(inventory.groups[group].vars)
    variables.update(host.vars)
    return {
        "host": host.name,
        "transport": host.transport,
        "address": masked(host.address),
        "groups": list(host.groups),
        "vars": masked(variables),
        "options": masked(dict(inventory.with_link(host).options)),
    }


def _table(rows: Sequence[dict[str, Any]], settings: Settings) -> None:
    from runyard.cli.render import screen_columns, table
    from runyard.cli.text import for_screen

    cells = []
    for row in rows:
        options = {name: value for name, value in row["options"].items() if value != ""}
        cells.append(
            [
                row["host"],
                row["transport"],
                row["address"] or "-",
                ",".join(row["groups"]) or "-",
                *(for_screen(" ".join(_pairs(said))) or "-" for said in (options, row["vars"])),
            ]
        )
    head = ["HOST", "TRANSPORT", "ADDRESS", "GROUPS", "OPTIONS", "VARIABLES"]
    at = head.index("OPTIONS")
    if all(cell[at] == "-" for cell in cells):
        cells, head = (
            [[*cell[:at], *cell[at + 1 :]] for cell in cells],
            [*head[:at], *head[at + 1 :]],
        )
    click.echo(table(head, cells, columns=screen_columns()))


def _pairs(values: dict[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"{name}={text}" if text and " " not in text else f"{name}={text!r}"


def _tree(inventory: Inventory, hosts: Sequence[Host], paint: Paint) -> Iterator[str]:
    """Groups below their parents, hosts below the lowest groups that they are in."""
    chosen = {host.name for host in hosts}
    inner = {kid for group in inventory.groups.values() for kid in group.children}
    tops = [name for name in inventory.groups if name not in inner]
    yield paint("all", "bold")
    alone = [host.name for host in hosts if not host.groups]
    yield from _branches(inventory, tops, alone, chosen, "", paint)


def _branches(
    inventory: Inventory,
    groups: Sequence[str],
    hosts: Sequence[str],
    chosen: set[str],
    indent: str,
    paint: Paint,
) -> Iterator[str]:
    shown = [(name, True) for name in groups if not chosen.isdisjoint(inventory.groups[name].hosts)]
    shown += [(name, False) for name in hosts]
    for number, (name, is_group) in enumerate(shown, 1):
        last = number == len(shown)
        lead = indent + ("└── " if last else "├── ")
        yield lead + (paint(f"@{name}", "bold") if is_group else name)
        if is_group:
            group = inventory.groups[name]
            below = {host for kid in group.children for host in inventory.groups[kid].hosts}
            own = [host for host in group.hosts if host in chosen and host not in below]
            deeper = indent + ("    " if last else "│   ")
            yield from _branches(inventory, group.children, own, chosen, deeper, paint)
