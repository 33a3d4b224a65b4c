"""The page of the protocol names every verb, error and field that there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from runyard.hosts.launch import program
from runyard.supervisor.verbs import FILES

PAGE = (Path(__file__).parents[3] / "docs/reference/supervisor-protocol.md").read_text()


def sources() -> dict[str, str]:
    return {path.stem: path.read_text() for path in Path(program()).glob("*.py")}


def test_every_verb_is_described() -> None:
    table = re.search(r"self\._table.*?\n        }", sources()["verbs"], re.DOTALL)
    assert table is not None
    verbs = {*re.findall(r'"([a-z-]+)":', table[0]), *FILES, "hello"}
    assert len(verbs) >= 15
    assert not [verb for verb in verbs if not re.search(rf"[`\s]{verb}\b", PAGE)]


def test_every_error_is_described() -> None:
    codes = set()
    for text in sources().values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal":
                code = node.args[0]
                assert isinstance(code, ast.Constant)
                codes.add(str(code.value))
    assert {"FENCED", "SECRET_SHORT"} <= codes
    assert not [code for code in codes if f"`{code}`" not in PAGE]


def test_every_field_of_start_is_described() -> None:
    start = PAGE[PAGE.index("### start") : PAGE.index("### attach")]
    fields = set(re.findall(r'header(?:\.get\(|\[)"(\w+)"', sources()["request"]))
    assert len(fields) >= 15
    assert not [name for name in fields if f"`{name}`" not in start and name != "attempt"]
