"""An inventory as Ansible's `--list` JSON, so that this program can be one of its inventories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runyard.hosts.inventory import Host, Inventory
from runyard.hosts.ssh.target import target_of


def listing(
    inventory: Inventory, hosts: Iterable[Host], variables: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Groups with the hosts and children of their own, and all variables under `_meta`.

    Only `hosts`, and groups with one of them; `variables` are theirs, merged, by name.
    """
    names = {host.name: host for host in hosts}
    groups: dict[str, Any] = {}
    inner = {kid for group in inventory.groups.values() for kid in group.children}
    for group in inventory.groups.values():
        members = [name for name in group.hosts if name in names]
        if not members:
            continue
        kids = [kid for kid in group.children if names.keys() & set(inventory.groups[kid].hosts)]
        below = {host for kid in kids for host in inventory.groups[kid].hosts}
        own = [name for name in members if name not in below]
        groups[group.name] = {
            **({"hosts": own} if own else {}),
            **({"children": kids} if kids else {}),
        }
    alone = [name for name, host in names.items() if not host.groups]
    return {
        "_meta": {
            "hostvars": {
                name: {**variables[name], **_link(inventory.with_link(host))}
                for name, host in names.items()
            }
        },
        "all": {
            "children": [name for name in groups if name not in inner],
            **({"hosts": alone} if alone else {}),
        },
        **groups,
    }


def _link(host: Host) -> dict[str, Any]:
    """How Ansible would reach the host; nothing for those that only runyard reaches."""
    found: dict[str, Any] = {}
    scheme, _, rest = host.address.partition("://")
    if host.address in ("", "local"):
        found["ansible_connection"] = "local"
    elif scheme == "docker":
        found["ansible_connection"] = "community.docker.docker"
        found["ansible_host"] = rest
    elif scheme == "ssh":
        target = target_of(host)
        found["ansible_host"] = target.host
        if target.user:
            found["ansible_user"] = target.user
        if target.port:
            found["ansible_port"] = target.port
        if target.jump:
            found["ansible_ssh_common_args"] = f"-J {target.jump}"
    become = host.options.get("become")
    if become:
        found["ansible_become"] = True
        found["ansible_become_user"] = become
    for option, name in (
        ("identity", "ansible_ssh_private_key_file"),
        ("python", "ansible_python_interpreter"),
    ):
        if option in host.options:
            found[name] = host.options[option]
    return found
