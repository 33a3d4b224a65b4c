"""The cases of templates.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runyard.expr.template import substitute
from runyard.expr.variables import Variables
from runyard.hosts.inventory import Host, Inventory
from runyard.model.errors import ArgumentError

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "templates.yaml").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["value"]))
def test_template(case: dict[str, Any]) -> None:
    inventory = Inventory.of([Host("local"), Host("web-1.example.com", vars={"KEY": "dotted"})])
    variables = Variables(inventory, workflow=case.get("vars"), secrets={"TOKEN": "hunter22"})
    variables.record_facts("local", {"os": "linux"})
    scope = variables.scope("local", item=case.get("item"))
    if "error" not in case:
        found = substitute(case["value"], scope, "args")
        assert found == case["is"]
        assert type(found) is type(case["is"])
        return
    with pytest.raises(ArgumentError) as caught:
        substitute(case["value"], scope, "args")
    assert case["error"] in caught.value.message
    assert case["hint"] in caught.value.hint
