"""The document's inventory: checked, and made into the one that hosts/ knows."""

from __future__ import annotations

from runyard.hosts.inventory import Group, Host, Inventory, transport_of
from runyard.model.errors import UsageError
from runyard.model.suggest import did_you_mean
from runyard.workflow.node import MAP, Node
from runyard.workflow.report import Report, advice


def build_inventory(root: Node, report: Report) -> Inventory:
    """Hosts and groups as far as they can be told; what is wrong goes to `report`."""
    node = root.get("inventory")
    if node is None and not ("inventory" in root.value and root.kind == MAP):
        return Inventory.local()
    at = root.key("inventory")
    hosts_node = node.get("hosts") if node is not None else None
    if hosts_node is None or not hosts_node.value:
        if node is None or node.kind == MAP:
            report.error(
                "WF038",
                at,
                "no hosts defined in inventory",
                fix="add hosts: {NAME: {address: …}}, or remove inventory: to run on this machine",
            )
        return Inventory.local()
    hosts = [_host(name, item, report) for name, item in hosts_node.items()]
    groups = _groups(node, [host.name for host in hosts], report) if node is not None else []
    return Inventory.of(hosts, groups, _vars(node))


def _host(name: str, node: Node, report: Report) -> Host:
    address = node.get("address")
    text = address.value if address is not None and isinstance(address.value, str) else ""
    if address is not None and text and "${" not in text:
        try:
            transport_of(text)
        except UsageError as error:
            report.error("WF048", address, error.message, **advice(error.hint))
    return Host(name, text, _vars(node))


def _groups(node: Node, hosts: list[str], report: Report) -> list[Group]:
    found = []
    known = set(hosts)
    groups = node.get("groups")
    for name, group in groups.items() if groups is not None else ():
        if name in known:
            message = f'"{name}" is the name of a group and of a host'
            report.error(
                "WF031", groups.key(name) if groups else node, message, fix="rename the group"
            )
        members = []
        for host, at in group.strings("hosts"):
            if host in known:
                members.append(host)
                continue
            near = did_you_mean(host, hosts)
            report.error(
                "WF037",
                at,
                f'group "{name}" names the unknown host "{host}"',
                hint=near,
                fix="" if near else "add it to inventory.hosts",
            )
        found.append(Group(name, tuple(dict.fromkeys(members)), _vars(group)))
    return found


def _vars(node: Node | None) -> dict[str, object]:
    found = node.get("vars") if node is not None else None
    return found.plain() if found is not None and found.kind == MAP else {}
