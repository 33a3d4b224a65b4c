"""An inventory as YAML says it: checked, and made into hosts and groups.

The document's `inventory:` and files of the same shape (`runyard run -i`) are read by the same
code. Names of hosts and groups may be those of another source, so they are judged at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from itertools import pairwise
from typing import Any

from runyard.hosts.address import transport_of
from runyard.hosts.groups import find_cycle
from runyard.hosts.inventory import Group, Host, Inventory
from runyard.hosts.paths import OPTIONS, VARIABLES, anchor, folder_of
from runyard.hosts.ssh.target import target_of
from runyard.model.errors import UsageError
from runyard.model.light import dataclass
from runyard.model.suggest import did_you_mean
from runyard.workflow.keys import LINK
from runyard.workflow.node import MAP, Node
from runyard.workflow.report import Report, advice

_NOTHING: Inventory = Inventory()
_LINK = frozenset(key.name for key in LINK)


@dataclass(repr=False, eq=False)
class Stated:
    """What one inventory says. `at` is its `groups:`, `places` where groups name hosts and groups.

    Attributes:
        places: group, `hosts` or `children`, the name, and its node.
    """

    vars: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    at: Node | None = None
    hosts: list[Host] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    places: list[tuple[str, str, str, Node]] = field(default_factory=list)


def build_inventory(root: Node, report: Report, outer: Inventory | None = None) -> Inventory:
    """The hosts of a document, on top of `outer`; what is wrong with them goes to `report`.

    Without any inventory it is this machine alone.
    """
    base = outer or _NOTHING
    node = root.get("inventory")
    if node is None and (base.hosts or not (root.kind == MAP and "inventory" in root.value)):
        return outer if outer is not None and base.hosts else Inventory.local()
    stated = read_inventory(node, report) if node is not None else Stated()
    if not stated.hosts and not base.hosts:
        if node is None or (node.kind == MAP and not _wrong(node.get("hosts"))):
            report.error(
                "WF038",
                root.key("inventory"),
                "no hosts defined in inventory",
                fix="add hosts: {NAME: {address: …}}, or remove inventory: to run on this machine",
            )
        return Inventory.local()
    hosts = {**base.hosts, **{host.name: host for host in stated.hosts}}
    children = {name: group.children for name, group in base.groups.items()}
    groups = judge_names(stated, hosts, children, report)
    return base.overlaid(stated.hosts, groups, stated.vars, stated.options)


def read_inventory(node: Node, report: Report) -> Stated:
    """What an inventory says, as far as it can be told by itself.

    Relative files in it are beside the file that says it.
    """
    folder = folder_of(report.source.path)
    found = Stated(_vars(node, folder), _options(node, folder), node.get("groups"))
    hosts = node.get("hosts")
    for name, item in hosts.items() if hosts is not None else ():
        found.hosts.append(_host(name, item, folder, report))
    for name, item in found.at.items() if found.at is not None else ():
        for key in ("hosts", "children"):
            found.places += [(name, key, word, at) for word, at in item.strings(key)]
        members, children = (
            tuple(dict.fromkeys(word for word, _ in item.strings(key)))
            for key in ("hosts", "children")
        )
        options = _options(item, folder)
        found.groups.append(Group(name, members, _vars(item, folder), children, options=options))
    return found


def judge_names(
    stated: Stated,
    hosts: Mapping[str, object],
    children: Mapping[str, tuple[str, ...]],
    report: Report,
    place: str = "inventory.hosts",
) -> list[Group]:
    """The groups of `stated` without what is wrong in them, which goes to `report`.

    `hosts` and `children` are of all sources together: every host, every group's children.
    `place` is where hosts belong.
    """
    known = {**children}
    for group in stated.groups:
        known[group.name] = (*known.get(group.name, ()), *group.children)
        if group.name in hosts and stated.at is not None:
            message = f'"{group.name}" is the name of a group and of a host'
            report.error("WF031", stated.at.key(group.name), message, fix="rename the group")
    bad = set()
    for group_name, key, word, at in stated.places:
        if word in (hosts if key == "hosts" else known):
            continue
        bad.add((group_name, key, word))
        if key == "hosts":
            near = did_you_mean(word, hosts)
            message = f'group "{group_name}" names the unknown host "{word}"'
            fix = "" if near else f"add it to {place}"
            report.error("WF037", at, message, hint=near, fix=fix)
        else:
            near = did_you_mean(word, known)
            message = f'group "{group_name}" has the unknown child "{word}"'
            fix = "hosts go under hosts:" if word in hosts else "" if near else "add the group"
            report.error("WF049", at, message, hint="" if word in hosts else near, fix=fix)
    cut = _cut_cycle(stated, known, report)
    return [
        replace(
            group,
            hosts=tuple(h for h in group.hosts if (group.name, "hosts", h) not in bad),
            children=()
            if cut
            else tuple(c for c in group.children if (group.name, "children", c) not in bad),
        )
        for group in stated.groups
    ]


def _cut_cycle(stated: Stated, children: Mapping[str, tuple[str, ...]], report: Report) -> bool:
    """Report groups of `stated` that contain each other."""
    circle = find_cycle(children)
    for group_name, key, word, at in stated.places:
        if key == "children" and (group_name, word) in pairwise(circle):
            message = "groups contain each other: " + " → ".join(circle)
            report.error("WF049", at, message, fix="take this child out")
            return True
    return False


def _host(name: str, node: Node, folder: str, report: Report) -> Host:
    address = node.get("address")
    text = address.value if address is not None and isinstance(address.value, str) else ""
    if address is not None and text and "${" not in text:
        try:
            if transport_of(text) == "ssh":
                target_of(Host(name, text))
        except UsageError as error:
            message = error.message.removeprefix(f'host "{name}": ')
            report.error("WF048", address, message, **advice(error.hint))
    return Host(name, text, _vars(node, folder), options=_options(node, folder))


def _options(node: Node, folder: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in node.items():
        if key in _LINK and not item.is_null:
            found[key] = item.plain()
    if "become" in found:
        found["become"] = {True: "root", False: ""}.get(found["become"], found["become"])
    anchor(found, OPTIONS, folder)
    return found


def _wrong(hosts: Node | None) -> bool:
    """Hosts there are, but not written as a map, which is reported already."""
    return hosts is not None and hosts.kind != MAP


def _vars(node: Node, folder: str) -> dict[str, Any]:
    found = node.get("vars")
    said: dict[str, Any] = found.plain() if found is not None and found.kind == MAP else {}
    anchor(said, VARIABLES, folder)
    return said
