"""Hosts and groups of a workflow: who there is, not how to reach them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import Any

from runyard.hosts.address import transport_of
from runyard.hosts.groups import lay_out
from runyard.hosts.pattern import select_names
from runyard.model.errors import UsageError
from runyard.model.light import dataclass
from runyard.model.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Host:
    """One machine to work on.

    Attributes:
        address: empty or `local`, `http(s)://…`, `ssh://user@host:port`, `docker://container`, ….
        vars: the host's own variables, without those of its groups.
        groups: names of its groups in the order in which their variables apply: a group after
            those that contain it, else by priority, else by name.
        options: what else is said about the way to it (`identity`, `become`, `python`, …), without
            what its groups say; see `Inventory.with_link`.
    """

    name: str
    address: str = ""
    vars: Mapping[str, Any] = field(default_factory=dict, hash=False)
    groups: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def transport(self) -> str:
        """local, agent, ssh, docker, worker or kubernetes; "unknown" when it is no address.

        One such host keeps nobody from working on the others: opening the way to it is an error.
        """
        try:
            return transport_of(self.address)
        except UsageError:
            return "unknown"

    def user(self, become: str | None) -> str:
        """Whom a step acts as that says `become`; None is as the host has it.

        "" is the user of the transport.
        """
        return str(self.options.get("become", "")) if become is None else become


@dataclass(frozen=True, slots=True)
class Group:
    """Hosts under one name, with variables of their own.

    Attributes:
        hosts: its members; in an `Inventory` those of its children as well.
        children: groups whose hosts are its hosts; their variables win over its own.
        priority: of groups at one depth, the higher one's variables win; default 1.
        options: as a host's, for those of its hosts that do not say it.
    """

    name: str
    hosts: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict, hash=False)
    children: tuple[str, ...] = ()
    priority: int = 1
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Inventory:
    """All hosts in the order of the document, all groups; variables and options of everybody."""

    hosts: Mapping[str, Host] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        hosts: Iterable[Host],
        groups: Iterable[Group] = (),
        vars: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Inventory:
        """Put hosts and groups together; every host learns its groups, every group its members.

        Raises:
            UsageError: a name twice, a group with an unknown host or child, groups that contain
                each other.
        """
        by_name: dict[str, Host] = {}
        for host in hosts:
            if host.name in by_name:
                raise UsageError(f'host "{host.name}" is duplicated')
            by_name[host.name] = host
        by_group: dict[str, Group] = {}
        for group in groups:
            if group.name in by_group:
                raise UsageError(f'group "{group.name}" is duplicated')
            by_group[group.name] = group
        tree = lay_out(
            {name: group.hosts for name, group in by_group.items()},
            {name: group.children for name, group in by_group.items()},
        )
        member: dict[str, list[str]] = {name: [] for name in by_name}
        rank = {name: (tree.depth[name], g.priority, name) for name, g in by_group.items()}
        for group_name in sorted(rank, key=rank.__getitem__):
            for name in tree.members[group_name]:
                if name not in member:
                    raise UsageError(
                        f'group "{group_name}": unknown host "{name}"',
                        code="HOST",
                        hint=did_you_mean(name, by_name),
                    )
                member[name].append(group_name)
        known = {n: replace(host, groups=tuple(member[n])) for n, host in by_name.items()}
        full = {n: replace(group, hosts=tree.members[n]) for n, group in by_group.items()}
        return cls(known, full, dict(vars or {}), dict(options or {}))

    @classmethod
    def local(cls) -> Inventory:
        """This machine alone, for a document without an inventory."""
        return cls.of([Host("local")])

    def as_local(self) -> Inventory:
        """The same hosts, groups and variables, all of them on this machine (`run --local`)."""
        here = {n: replace(host, address="", options={}) for n, host in self.hosts.items()}
        groups = {name: replace(group, options={}) for name, group in self.groups.items()}
        return Inventory(here, groups, self.vars)

    def overlaid(
        self,
        hosts: Iterable[Host],
        groups: Iterable[Group],
        vars: Mapping[str, Any],
        options: Mapping[str, Any] | None = None,
    ) -> Inventory:
        """This one with more on top: what is known already is kept where nothing new is said.

        Variables and options win one by one, groups grow. New hosts come after the known ones.

        Raises:
            UsageError: as `of`.
        """
        all_hosts, all_groups = dict(self.hosts), dict(self.groups)
        for host in hosts:
            old = all_hosts.get(host.name, host)
            all_hosts[host.name] = replace(
                host,
                address=host.address or old.address,
                vars={**old.vars, **host.vars},
                options={**old.options, **host.options},
            )
        for group in groups:
            known = all_groups.get(group.name, group)
            all_groups[group.name] = replace(
                group,
                hosts=(*known.hosts, *group.hosts),
                vars={**known.vars, **group.vars},
                children=tuple(dict.fromkeys((*known.children, *group.children))),
                priority=known.priority if group.priority == 1 else group.priority,
                options={**known.options, **group.options},
            )
        return Inventory.of(
            all_hosts.values(),
            all_groups.values(),
            {**self.vars, **vars},
            {**self.options, **(options or {})},
        )

    def with_link(self, host: Host) -> Host:
        """`host`, its options completed by those of its groups and of everybody."""
        found = dict(self.options)
        for name in host.groups:
            found.update(self.groups[name].options)
        return replace(host, options={**found, **host.options}) if found else host

    def layers(self) -> Iterator[Mapping[str, Any]]:
        """Every map of variables in it: everybody's, those of groups, those of hosts."""
        yield self.vars
        yield from (group.vars for group in self.groups.values())
        yield from (host.vars for host in self.hosts.values())

    def to_dict(self) -> dict[str, Any]:
        """As JSON, to be written down; `from_dict` is the inverse. Secrets stay references.

        A token of agents that stands there itself (`agent_token`) is left out.
        """
        return {
            "vars": _written(self.vars),
            "options": self.options,
            "hosts": {
                name: _without_empty(address=h.address, vars=_written(h.vars), options=h.options)
                for name, h in self.hosts.items()
            },
            "groups": {
                name: _without_empty(
                    hosts=list(g.hosts),
                    vars=_written(g.vars),
                    children=list(g.children),
                    priority=g.priority if g.priority != 1 else None,
                    options=g.options,
                )
                for name, g in self.groups.items()
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Inventory:
        """The inverse of `to_dict`."""
        hosts = [Host(name, **each) for name, each in data["hosts"].items()]
        groups = [
            Group(
                name,
                tuple(each.get("hosts", ())),
                each.get("vars", {}),
                tuple(each.get("children", ())),
                each.get("priority", 1),
                each.get("options", {}),
            )
            for name, each in data["groups"].items()
        ]
        return cls.of(hosts, groups, data["vars"], data.get("options"))

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """The place of every host in the order of the document."""
        return {name: place for place, name in enumerate(self.hosts)}

    def select(self, patterns: Iterable[str] = ()) -> list[Host]:
        """The hosts that `patterns` name, in the order of the document; no pattern names all.

        Host and group names, globs (`web*`), ranges (`web[1:40]`), `@group`, `!without`,
        `@group & @zone`, `all`; several in one text are separated by commas.

        Raises:
            UsageError: a name that is neither a host nor a group, or a broken pattern.
        """
        members = {name: group.hosts for name, group in self.groups.items()}
        return [self.hosts[name] for name in select_names(patterns, self.rank, members)]


def _written(variables: Mapping[str, Any]) -> dict[str, Any]:
    token = str(variables.get("agent_token", ""))
    hide = bool(token) and not token.startswith("${secret:")
    return {name: value for name, value in variables.items() if not hide or name != "agent_token"}


def _without_empty(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}
