"""The cases of targets.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runyard.hosts.inventory import Group, Host, Inventory
from runyard.model.errors import UsageError

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "targets.yaml").read_text("utf-8")
)
INVENTORY = Inventory.of(
    [Host(name) for name in ("web1", "web2", "web10", "db1", "db2", "cache-a")],
    [
        Group("web", ("web1", "web2", "web10")),
        Group("east", ("web1", "db1")),
        Group("db", ("db1", "db2")),
    ],
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case["targets"]) or "(none)")
def test_targets(case: dict[str, Any]) -> None:
    if "select" in case:
        assert [host.name for host in INVENTORY.select(case["targets"])] == case["select"]
        return
    with pytest.raises(UsageError) as caught:
        INVENTORY.select(case["targets"])
    assert case["error"] in caught.value.message
    assert case["hint"] in caught.value.hint
