"""From the draft of all sources to the inventory that runs know."""

from __future__ import annotations

from typing import Any

from runyard.hosts.address import transport_of
from runyard.hosts.inventory import Group, Host, Inventory
from runyard.inventory.draft import Draft, groups_of_hosts
from runyard.inventory.link import reach
from runyard.inventory.own import judge
from runyard.inventory.problem import InvalidInventory
from runyard.model.errors import UsageError


def finish(draft: Draft) -> Inventory:
    """Derive addresses, groups and their order.

    Raises:
        InvalidInventory: names that nobody has, each at its place.
        InventoryError: groups contain each other, a connection that cannot be understood.
    """
    raise_for(judge(draft))
    draft.fill_ungrouped()
    tree = draft.tree()
    order = draft.order(tree)
    member = groups_of_hosts(draft, order, tree)
    for name in draft.groups.keys() & draft.hosts.keys():
        draft.warnings.append(
            f'"{name}" is a host and a group: as a target it is the host, @{name} is the group'
        )
    hosts = [_host(name, member[name], draft) for name in draft.hosts]
    groups = [
        Group(n, tuple(g.hosts), g.vars, tuple(g.children), g.priority, g.options)
        for n, g in draft.groups.items()
    ]
    return Inventory.of(hosts, groups, draft.everybody.vars, draft.everybody.options)


def raise_for(reports: list[Any]) -> None:
    """Raise all diagnostics of reports that have errors, as one."""
    found = tuple(each for report in reports if report.errors for each in report.diagnostics)
    if found:
        raise InvalidInventory(found[0].file, found)


def _host(name: str, groups: list[str], draft: Draft) -> Host:
    host = draft.hosts[name]
    address, options = host.address, host.options
    if host.foreign and not address:
        link = dict(draft.everybody.link)
        for group in groups:
            link.update(draft.groups[group].link)
        link.update(host.link)
        address, made = reach(name, link, _Merged(name, groups, draft))
        options = {**made, **options}
        try:
            transport_of(address)
        except UsageError:
            kind = address.partition("://")[0]
            draft.warnings.append(f'host "{name}": nothing here connects by "{kind}"')
    return Host(name, address, host.vars, options=options)


class _Merged(dict[str, Any]):
    """All variables of a host, merged when one is asked for, which is seldom."""

    def __init__(self, name: str, groups: list[str], draft: Draft) -> None:
        super().__init__()
        self._layers = [draft.everybody.vars, *(draft.groups[group].vars for group in groups)]
        self._layers.append(draft.hosts[name].vars)

    def get(self, name: str, default: Any = None) -> Any:
        for layer in reversed(self._layers):
            if name in layer:
                return layer[name]
        return default
