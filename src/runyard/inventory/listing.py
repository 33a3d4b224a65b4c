"""What Ansible's inventory programs print for `--list`: groups, and variables under `_meta`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.inventory.draft import ALL, Draft, Entry
from runyard.inventory.problem import NAME_RULE, InventoryError, is_host_name, shown
from runyard.inventory.values import Encrypted, plain
from runyard.workflow.report import printable

_META = "_meta"


def is_listing(data: Mapping[str, Any]) -> bool:
    """Whether JSON is of this shape: told by `_meta`, or by lists of names."""
    if _META in data:
        return True
    return any(
        isinstance(group, list)
        or (
            isinstance(group, dict)
            and (isinstance(group.get("hosts"), list) or isinstance(group.get("children"), list))
        )
        for group in data.values()
    )


def read_listing(data: Mapping[str, Any], where: str, draft: Draft) -> None:
    """Add hosts and groups to `draft`; `where` names the source.

    Hosts are those that groups name; variables of others are passed over.

    Raises:
        InventoryError: a part is of another shape.
    """
    reader = _Reader(where, draft)
    for name, group in data.items():
        if name != _META:
            reader.group(name, group)
    meta = reader.map(data.get(_META), _META)
    for name, variables in reader.map(meta.get("hostvars"), f"{_META}.hostvars").items():
        if name in draft.hosts:
            reader.variables(draft.hosts[name], variables, f"{_META}.hostvars.{name}")


class _Reader:
    def __init__(self, where: str, draft: Draft) -> None:
        self.where = where
        self.draft = draft

    def group(self, name: str, data: Any) -> None:
        if isinstance(data, list):
            data = {"hosts": data}
        found = self.map(data, name)
        if found and not {"hosts", "children", "vars"} & found.keys():
            raise self._error(name, "must be a map of hosts, children and vars")
        if name != ALL:
            self.draft.group(name).declared = True
        hosts = self._names(found.get("hosts"), f"{name}.hosts")
        for host in hosts:
            self.host(host, f"{name}.hosts")
        self.draft.join(name, hosts)
        for child in self._names(found.get("children"), f"{name}.children"):
            if child != ALL:
                self.draft.adopt(name, child)
                self.draft.group(child).declared = True
            elif name != ALL:
                raise self._error(f"{name}.children", 'cannot hold "all", which contains it')
        self.variables(self.draft.owner(name), found.get("vars"), f"{name}.vars")

    def host(self, name: Any, path: str) -> Entry:
        if not isinstance(name, str) or not is_host_name(name):
            raise self._error(path, f'"{shown(str(name))}" is no name of a host', NAME_RULE)
        return self.draft.foreign(name)

    def variables(self, owner: Entry, data: Any, path: str) -> None:
        encrypted = []
        for name, value in self.map(data, path).items():
            try:
                owner.raw[name] = plain(value)
            except Encrypted:
                encrypted.append(name)
        self.draft.warn_encrypted(f"{self.where}: {path}", encrypted)

    def map(self, data: Any, path: str) -> Mapping[str, Any]:
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise self._error(path, "must be a map")
        return data

    def _names(self, data: Any, path: str) -> list[str]:
        if data is None:
            return []
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            raise self._error(path, "must be a list of names")
        return data

    def _error(self, path: str, message: str, hint: str = "") -> InventoryError:
        return InventoryError(printable(f"{self.where}: {shown(path)} {message}"), hint=hint)
