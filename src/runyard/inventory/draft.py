"""An inventory while it is put together: what the sources say, before anything is derived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from runyard.hosts.groups import Tree, lay_out
from runyard.inventory.problem import InventoryError
from runyard.model.errors import UsageError
from runyard.model.light import dataclass
from runyard.workflow.inventory import Stated
from runyard.workflow.report import Report

ALL, UNGROUPED = "all", "ungrouped"


class Entry:
    """Variables of everybody, a group or a host.

    Attributes:
        raw: as an inventory of Ansible's shape gives them. more: those of `group_vars/` and
            `host_vars/`.
        vars: what a step will see. link: what Ansible uses to connect (`ansible_host`, …).
        options: of our own shape.
    """

    __slots__ = ("link", "more", "options", "raw", "vars")

    def __init__(self) -> None:
        self.raw: dict[str, Any] = {}
        self.more: dict[str, Any] = {}
        self.vars: dict[str, Any] = {}
        self.link: dict[str, Any] = {}
        self.options: dict[str, Any] = {}

    def add(self, other: Entry) -> None:
        """Take over what a later source says."""
        self.vars.update(other.vars)
        self.link.update(other.link)
        self.options.update(other.options)


class HostDraft(Entry):
    """A host. `foreign`: named by an inventory of Ansible's shape, where SSH is the default.

    `address` is that of our own shape.
    """

    __slots__ = ("address", "foreign")

    def __init__(self) -> None:
        super().__init__()
        self.address = ""
        self.foreign = False


class GroupDraft(Entry):
    """A group. `declared` is False while it was only mentioned by others."""

    __slots__ = ("children", "declared", "hosts", "priority")

    def __init__(self) -> None:
        super().__init__()
        self.hosts: dict[str, None] = {}
        self.children: dict[str, None] = {}
        self.declared = False
        self.priority = 1


@dataclass(frozen=True, slots=True)
class Mention:
    """A group that a file takes for granted, at a place of it."""

    group: str
    report: Report
    line: int
    col: int
    message: str


@dataclass(slots=True)
class Draft:
    """Hosts and groups in the order in which they were first named.

    Attributes:
        mentions: groups that somebody must declare. stated: what files of our own shape say, whose
            names are judged when all sources are read.
        warnings: what the user should know.
    """

    everybody: Entry = field(default_factory=Entry)
    hosts: dict[str, HostDraft] = field(default_factory=dict)
    groups: dict[str, GroupDraft] = field(default_factory=dict)
    mentions: list[Mention] = field(default_factory=list)
    stated: list[tuple[Stated, Report]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def host(self, name: str) -> HostDraft:
        """The host of that name, made when it is new."""
        found = self.hosts.get(name)
        if found is None:
            found = self.hosts[name] = HostDraft()
        return found

    def foreign(self, name: str, port: int | None = None) -> HostDraft:
        """A host of an inventory of Ansible's shape; there, `name:port` counts when it is new."""
        if port is not None and name not in self.hosts:
            self.host(name).raw["ansible_port"] = port
        found = self.host(name)
        found.foreign = True
        return found

    def group(self, name: str) -> GroupDraft:
        """The group of that name, made when it is new. Not for `all`, which is no group."""
        found = self.groups.get(name)
        if found is None:
            found = self.groups[name] = GroupDraft()
        return found

    def owner(self, group: str) -> Entry:
        """Whose variables those of `group` are."""
        return self.everybody if group == ALL else self.group(group)

    def join(self, group: str, names: Iterable[str]) -> None:
        """Make hosts members of a group; every host is one of `all` already."""
        if group != ALL:
            self.group(group).hosts.update(dict.fromkeys(names))

    def adopt(self, group: str, child: str) -> None:
        """Make `child` a group of `group`; every group is one of `all` already."""
        self.group(child)
        if group != ALL:
            self.group(group).children[child] = None

    def fill_ungrouped(self) -> None:
        """As Ansible has it, `ungrouped` holds those of its hosts that are in no other group."""
        grouped: set[str] = set()
        for name, group in self.groups.items():
            if name != UNGROUPED:
                grouped.update(group.hosts)
        alone = [n for n, host in self.hosts.items() if host.foreign and n not in grouped]
        if alone or UNGROUPED in self.groups:
            ungrouped = self.group(UNGROUPED)
            ungrouped.hosts = dict.fromkeys(alone)
            ungrouped.declared = True
            if not alone and not (ungrouped.raw or ungrouped.vars or ungrouped.link):
                del self.groups[UNGROUPED]
                for group in self.groups.values():
                    group.children.pop(UNGROUPED, None)

    def warn_encrypted(self, where: str, names: Sequence[str]) -> None:
        """Say which variables are left out, because ansible-vault has encrypted them."""
        if names:
            some = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            self.warnings.append(f"{where}: left out, encrypted by ansible-vault: {some}")

    def tree(self, where: str = "") -> Tree:
        """All members of all groups; `where` begins the message of the error.

        Raises:
            InventoryError: groups contain each other.
        """
        try:
            return lay_out(
                {name: group.hosts for name, group in self.groups.items()},
                {
                    name: tuple(kid for kid in group.children if kid in self.groups)
                    for name, group in self.groups.items()
                },
            )
        except UsageError as error:
            raise InventoryError(where + error.message, hint=error.hint) from None

    def order(self, tree: Tree) -> list[str]:
        """Names of the groups in the order in which their variables apply."""
        rank = {n: (tree.depth[n], group.priority, n) for n, group in self.groups.items()}
        return sorted(rank, key=rank.__getitem__)

    def add(self, later: Draft) -> None:
        """Take over another source; what it says wins, variable by variable."""
        self.everybody.add(later.everybody)
        for name, host in later.hosts.items():
            mine = self.host(name)
            mine.add(host)
            mine.address = host.address or mine.address
            mine.foreign |= host.foreign
        for name, group in later.groups.items():
            ours = self.group(name)
            ours.add(group)
            ours.hosts.update(group.hosts)
            ours.children.update(group.children)
            ours.declared |= group.declared
            ours.priority = ours.priority if group.priority == 1 else group.priority
        self.mentions += later.mentions
        self.stated += later.stated
        self.warnings += later.warnings


def groups_of_hosts(draft: Draft, order: Iterable[str], tree: Tree) -> Mapping[str, list[str]]:
    """The groups of every host, in `order`; names that are no hosts are passed over."""
    found: dict[str, list[str]] = {name: [] for name in draft.hosts}
    for group in order:
        for host in tree.members[group]:
            if host in found:
                found[host].append(group)
    return found
