"""The cases of shell.yaml, under real shells."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from runyard.expr.shell import bind_shell
from runyard.expr.variables import Variables
from runyard.hosts.inventory import Inventory
from runyard.model.errors import ArgumentError

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "shell.yaml").read_text("utf-8")
)
SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]
EVIL = "'\"`touch x`$(touch x)${PLAIN}$PLAIN\\ \\n; * ~ & | < > # !\n\tend'"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])
def test_shell_text(case: dict[str, Any], tmp_path: Path) -> None:
    variables = Variables(
        Inventory.local(), workflow={"PLAIN": "a plain one"}, secrets={"TOKEN": "hunter'22"}
    )
    variables.record_facts("local", {"os": "linux"})
    item = {"item": {"evil": EVIL, "n": 5, "list": [1, "a b"]}}
    scope = variables.scope("local", item=item)
    if "error" in case:
        with pytest.raises(ArgumentError) as caught:
            bind_shell(case["text"], scope, "cmd")
        assert case["error"] in caught.value.message
        assert case.get("hint", "") in caught.value.hint
        return
    text, bound = bind_shell(case["text"], scope, "cmd")
    assert EVIL not in text
    assert "hunter" not in text
    env = {"PATH": "/usr/bin:/bin", **scope.environment(), **bound}
    for shell in SHELLS:
        done = subprocess.run(
            [shell, "-c", text], env=env, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.stderr == ""
        assert done.stdout == case["prints"].replace("EVIL", EVIL)
        assert list(tmp_path.iterdir()) == []
