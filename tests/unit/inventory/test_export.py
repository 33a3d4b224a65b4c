"""What is printed for Ansible is read back as the same inventory."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.expr.variables import Variables
from runyard.hosts.inventory import Inventory
from runyard.hosts.ssh.target import target_of
from runyard.inventory.draft import Draft
from runyard.inventory.export import listing
from runyard.inventory.finish import finish
from runyard.inventory.listing import read_listing
from runyard.inventory.load import load_inventory
from runyard.inventory.settle import settle
from tests.conformance.inventory.cases import GOOD, HERE


def again(inventory: Inventory, *patterns: str) -> Inventory:
    hosts = inventory.select(patterns)
    seen = Variables(inventory)
    draft = Draft()
    read_listing(
        listing(inventory, hosts, {h.name: seen.merged(h.name) for h in hosts}), "x", draft
    )
    settle(draft, "x")
    return finish(draft)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_there_and_back(path: Path) -> None:
    inventory = load_inventory([f"good/{path.name}"], HERE).inventory
    found = again(inventory)
    before, after = Variables(inventory), Variables(found)
    for name, host in inventory.hosts.items():
        if host.address.startswith(("http", "winrm")):
            continue
        copy, linked = found.hosts[name], inventory.with_link(host)
        if host.transport == "ssh":
            assert target_of(copy) == target_of(linked)
        else:
            assert copy.address == (host.address or "local")
        if host.transport != "local":
            for option in ("become", "python", "identity"):
                assert copy.options.get(option, "") == linked.options.get(option, "")
        assert after.merged(name) == before.merged(name)
        assert {*copy.groups} - {"ungrouped"} == {*host.groups} - {"ungrouped"}


def test_only_what_is_selected() -> None:
    inventory = load_inventory(["good/ini-groups.ini"], HERE).inventory
    found = again(inventory, "atlanta")
    assert list(found.hosts) == ["host1", "host2"]
    assert found.groups["usa"].hosts == ("host1", "host2")
    assert "northeast" not in found.groups
