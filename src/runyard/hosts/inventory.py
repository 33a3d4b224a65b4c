"""Hosts and groups of a workflow: who there is, not how to reach them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import Any, Final

from runyard.hosts.pattern import select_names
from runyard.model.errors import UsageError
from runyard.model.light import dataclass
from runyard.model.suggest import did_you_mean

_SCHEMES: Final = {
    "http": "agent",
    "https": "agent",
    "ssh": "ssh",
    "docker": "docker",
    "worker": "worker",
    "k8s": "kubernetes",
}


def transport_of(address: str) -> str:
    """How an address is reached: local, agent, ssh, docker, worker or kubernetes.

    Raises:
        UsageError: it is no address (contract 1, "Document").
    """
    if address in ("", "local"):
        return "local"
    scheme, separator, rest = address.partition("://")
    transport = _SCHEMES.get(scheme.lower())
    if separator and rest and transport is not None:
        return transport
    if separator:
        hint = did_you_mean(scheme, _SCHEMES, "{}://") or "one of " + ", ".join(
            f"{known}://" for known in _SCHEMES
        )
    else:
        hint = f"write ssh://{address}, http://{address} for a push agent, or local"
    raise UsageError(f'address "{address}" is not valid', code="ADDRESS", hint=hint)


@dataclass(frozen=True, slots=True)
class Host:
    """One machine to work on.

    Attributes:
        address: empty or `local`, `http(s)://…`, `ssh://user@host:port`, `docker://container`, ….
        vars: the host's own variables, without those of its groups.
        groups: names of its groups, sorted: the order in which their variables apply.
        options: what else the document says about it (`user`, `token`, `identity`, …).
    """

    name: str
    address: str = ""
    vars: Mapping[str, Any] = field(default_factory=dict, hash=False)
    groups: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def transport(self) -> str:
        """local, agent, ssh, docker, worker or kubernetes. Raises UsageError."""
        return transport_of(self.address)


@dataclass(frozen=True, slots=True)
class Group:
    """Hosts under one name, with variables of their own."""

    name: str
    hosts: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Inventory:
    """All hosts in the order of the document, all groups, and the variables of everybody."""

    hosts: Mapping[str, Host] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        hosts: Iterable[Host],
        groups: Iterable[Group] = (),
        vars: Mapping[str, Any] | None = None,
    ) -> Inventory:
        """Put hosts and groups together; every host learns the groups that name it.

        Raises:
            UsageError: a name twice, a group with an unknown host.
        """
        by_name: dict[str, Host] = {}
        for host in hosts:
            if host.name in by_name:
                raise UsageError(f'host "{host.name}" is duplicated')
            by_name[host.name] = host
        by_group: dict[str, Group] = {}
        member: dict[str, list[str]] = {name: [] for name in by_name}
        for group in groups:
            if group.name in by_group:
                raise UsageError(f'group "{group.name}" is duplicated')
            by_group[group.name] = group
            for name in group.hosts:
                if name not in member:
                    raise UsageError(
                        f'group "{group.name}": unknown host "{name}"',
                        code="HOST",
                        hint=did_you_mean(name, by_name),
                    )
                member[name].append(group.name)
        known = {
            name: replace(host, groups=tuple(sorted(set(member[name]))))
            for name, host in by_name.items()
        }
        return cls(known, by_group, dict(vars or {}))

    @classmethod
    def local(cls) -> Inventory:
        """This machine alone, for a document without an inventory."""
        return cls.of([Host("local")])

    def as_local(self) -> Inventory:
        """The same hosts, groups and variables, all of them on this machine (`run --local`)."""
        here = {n: replace(host, address="", options={}) for n, host in self.hosts.items()}
        return Inventory(here, self.groups, self.vars)

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
