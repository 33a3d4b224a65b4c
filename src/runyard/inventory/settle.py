"""From what the files of one source say to what that source says as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.inventory.draft import Draft, Entry, groups_of_hosts
from runyard.inventory.link import MAPPED, PASSWORDS, PRIORITY
from runyard.inventory.problem import InventoryError

_OURS = MAPPED | PASSWORDS


def settle(draft: Draft, where: str) -> None:
    """Put `raw` and `more` together, and take the variables of connections out of them.

    Ansible lets every file in `group_vars/` win over every group in an inventory file, whatever
    the groups; where that differs from our order, the host itself gets the value.

    Raises:
        InventoryError: groups contain each other, a priority is no number.
    """
    for name, group in draft.groups.items():
        said = {**group.raw, **group.more}.get(PRIORITY)
        if said is not None:
            group.priority = _priority(said, name)
            group.raw.pop(PRIORITY, None)
            group.more.pop(PRIORITY, None)
    _pin(draft)
    passwords = 0
    for entry in (draft.everybody, *draft.groups.values(), *draft.hosts.values()):
        raw = {**entry.raw, **entry.more} if entry.more else entry.raw
        if not _OURS.isdisjoint(raw):
            passwords += not PASSWORDS.isdisjoint(raw)
            entry.link = {name: value for name, value in raw.items() if name in MAPPED}
            raw = {name: value for name, value in raw.items() if name not in _OURS}
        entry.vars = {**raw, **entry.vars} if entry.vars else raw
        entry.raw, entry.more = {}, {}
    if passwords:
        draft.warnings.append(
            f"{where}: passwords of connections (ansible_password, …) are left out; "
            "runyard logs in with a key or an agent of ssh"
        )


def _priority(value: Any, group: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise InventoryError(f'group "{group}": {PRIORITY} must be a number') from None


def _pin(draft: Draft) -> None:
    owners: list[Entry] = [draft.everybody, *draft.groups.values()]
    below = {name for entry in draft.groups.values() for name in entry.raw}
    names = {name for entry in owners for name in entry.more} & below
    if not names:
        return
    tree = draft.tree()
    for name, groups in groups_of_hosts(draft, draft.order(tree), tree).items():
        host = draft.hosts[name]
        chain: list[Entry] = [draft.everybody, *(draft.groups[group] for group in groups)]
        ansible = _last([e.raw for e in chain] + [e.more for e in chain], names)
        ours = _last([each for e in chain for each in (e.raw, e.more)], names)
        for key, value in ansible.items():
            if ours[key] != value and key not in host.raw:
                host.raw[key] = value


def _last(layers: list[dict[str, Any]], names: set[str]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for layer in layers:
        for name in names & layer.keys():
            found[name] = layer[name]
    return found
