"""The pages of the reference are those of this program."""

from __future__ import annotations

import re
from pathlib import Path

from runyard.cli import failure, reference


def test_cli_page_is_not_stale(root: Path) -> None:
    page = (root / "docs/reference/cli.md").read_text(encoding="utf-8")
    assert page == reference.markdown(), "run: python -m runyard.cli.reference"


def test_every_exit_code_is_documented(root: Path) -> None:
    page = (root / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    documented = {int(n) for n in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    used = {value for value in vars(failure).values() if isinstance(value, int)}
    assert used - {True} <= documented
    assert documented >= {0, 1, 2, 3, 4, 5, 6, 130}


def test_asyncio_is_entered_in_one_place(root: Path) -> None:
    found = [
        path.name
        for path in (root / "src/runyard/cli").rglob("*.py")
        if "asyncio.run(" in path.read_text(encoding="utf-8")
    ]
    assert found == ["loop.py"]
