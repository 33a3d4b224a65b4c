"""Every code is documented, and its example raises it and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runyard.runners.registry import ActionRegistry
from runyard.workflow.codes import CODES, FILE
from runyard.workflow.document import InvalidWorkflow
from runyard.workflow.keys import TABLES
from runyard.workflow.load import loads
from runyard.workflow.reference import diagnostics_page, workflow_page

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "src" / "runyard" / "workflow"
PAGES = ROOT / "docs" / "reference"


@pytest.mark.parametrize("code", [c for c in CODES if CODES[c].kind != FILE])
def test_an_example_raises_its_code(code: str) -> None:
    try:
        found = loads(CODES[code].document(), actions=ActionRegistry()).warnings
    except InvalidWorkflow as error:
        found = error.diagnostics
    assert {d.code for d in found} == ({code, "WF020"} if code == "WF099" else {code})


def test_the_table_holds_exactly_the_codes_in_use() -> None:
    used = {
        code
        for path in SOURCES.glob("*.py")
        if path.name != "codes.py"
        for code in re.findall(r'"(WF\d{3})"', path.read_text())
    }
    assert used == set(CODES)


@pytest.mark.parametrize(
    ("name", "text"),
    [("diagnostics.md", diagnostics_page()), ("workflow.md", workflow_page())],
)
def test_pages_are_fresh(name: str, text: str) -> None:
    assert (PAGES / name).read_text().endswith(text), "run `make docs`"


def test_every_key_of_every_table_is_documented() -> None:
    page = (PAGES / "workflow.md").read_text()
    sections = dict(zip(*[iter(re.split(r"(?m)^## (.+)$", page)[1:])] * 2, strict=True))
    for table in TABLES:
        section = sections["The document" if table.name == "workflow" else f"`{table.name}`"]
        for key in table.keys.values():
            row = re.search(rf"(?m)^\| `{key.name}`.*\|$", section)
            assert row, f"{table.name}.{key.name}"
            assert key.doc.replace("|", "\\|") in row[0]
