from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from runyard.hosts.facts import FACTS
from runyard.supervisor import facts


def test_every_fact_that_is_promised_is_there() -> None:
    found = facts.probe()
    assert [name for name in found if not name.startswith("has.")] == list(FACTS)
    assert os.access(found["has.sh"], os.X_OK)
    assert int(found["cpus"]) == os.cpu_count()
    assert int(found["memory"]) > 1 << 20


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_release_files_with_and_without_quotes(quote: str) -> None:
    text = f"# ID=no\nNAME=A b\nID={quote}debian{quote}\n\nVERSION_ID={quote}12{quote}\n"
    found = facts.read_release(text)
    assert (found["ID"], found["VERSION_ID"]) == ("debian", "12")


def test_a_machine_without_a_release_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_RELEASES", ("/nowhere/os-release",))
    found = facts.probe()
    assert (found["distro"], found["distro_version"]) == ("", "")


def test_the_page_lists_them() -> None:
    page = Path(__file__).parents[3] / "docs/how-to/use-an-inventory.md"
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.+) \|$", page.read_text(), re.MULTILINE))
    tools = rows.pop("has.TOOL")
    assert rows == FACTS
    assert tuple(re.findall("`([^`]+)`", tools)) == facts.TOOLS
