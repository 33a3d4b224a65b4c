"""The cases of when.yaml and when_errors.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runyard.expr.error import ExprError
from runyard.expr.variables import Variables
from runyard.expr.when import compile_when
from runyard.hosts.inventory import Host, Inventory
from runyard.model.errors import ArgumentError

HERE = Path(__file__).parent


def cases(name: str) -> list[dict[str, Any]]:
    return yaml.safe_load((HERE / name).read_text("utf-8"))


def evaluate(case: dict[str, Any]) -> bool:
    inventory = Inventory.of([Host("local"), Host("web1")])
    variables = Variables(inventory, workflow=case.get("vars"))
    variables.record_exports("before", {"web1": {"KEY": "own"}})
    variables.record_facts("local", {"os": "linux", "has.git": "/usr/bin/git"})
    scope = variables.scope("local", item=case.get("item"))
    return compile_when(case["when"]).evaluate(scope)


@pytest.mark.parametrize("case", cases("when.yaml"), ids=lambda case: case["when"])
def test_value(case: dict[str, Any]) -> None:
    if "is" in case:
        assert evaluate(case) is case["is"]
        return
    kind = ExprError if case.get("load") else ArgumentError
    with pytest.raises(kind) as caught:
        evaluate(case)
    assert case["error"] in caught.value.message


@pytest.mark.parametrize("case", cases("when_errors.yaml"), ids=lambda case: case["when"])
def test_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ExprError) as caught:
        compile_when(case["when"], tuple(case.get("known", ())))
    assert caught.value.message == case["message"]
    assert caught.value.column == case["column"]
    assert case["hint"] in caught.value.hint
