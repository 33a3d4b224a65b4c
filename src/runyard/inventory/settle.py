"""From what the files of one source say to what that source says as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.hosts.paths import VARIABLES, anchor
from runyard.inventory.draft import Draft, Entry, groups_of_hosts
from runyard.inventory.link import KEYS, PASSWORDS, PREFIX, PRIORITY
from runyard.inventory.problem import InventoryError
from runyard.inventory.ssh_args import NAMES, left_out


def settle(draft: Draft, where: str, folder: str = "") -> None:
    """Put `raw` and `more` together, and take Ansible's own variables out of them.

    Relative files are under `folder`.

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
    passwords, templates, args = 0, dict[str, None](), dict[str, None]()
    for entry in (draft.everybody, *draft.groups.values(), *draft.hosts.values()):
        raw = {**entry.raw, **entry.more} if entry.more else entry.raw
        if any(name.startswith(PREFIX) for name in raw):
            passwords += not PASSWORDS.isdisjoint(raw)
            entry.link = {name: value for name, value in raw.items() if name.startswith(PREFIX)}
            raw = {name: value for name, value in raw.items() if name not in entry.link}
            for name in PASSWORDS & entry.link.keys():
                del entry.link[name]
            anchor(entry.link, KEYS, folder)
            said = (word for name in NAMES for word in left_out(str(entry.link.get(name) or "")))
            args.update(dict.fromkeys(said))
        anchor(raw, VARIABLES, folder)
        templates.update((name, None) for name, value in raw.items() if _is_template(value))
        entry.vars = {**raw, **entry.vars} if entry.vars else raw
        entry.raw, entry.more = {}, {}
    _warn(draft, where, passwords, list(templates), list(args))


def _warn(draft: Draft, where: str, passwords: int, templates: list[str], args: list[str]) -> None:
    if passwords:
        draft.warnings.append(
            f"{where}: passwords of connections (ansible_password, …) are left out; "
            "runyard logs in with a key or an agent of ssh"
        )
    if templates:
        some = ", ".join(templates[:8]) + (", …" if len(templates) > 8 else "")
        draft.warnings.append(f"{where}: {{{{ … }}}} is not filled in, and stays in: {some}")
    if args:
        draft.warnings.append(
            f"{where}: arguments for ssh that are not taken over: {', '.join(args)}"
            + ("; unknown hosts need --accept-new" if any("StrictHost" in a for a in args) else "")
        )


def _is_template(value: Any) -> bool:
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, dict):
        return any(map(_is_template, value.values()))
    return isinstance(value, list) and any(map(_is_template, value))


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
