"""docs/reference/inventory.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from runyard.inventory import folder, link, program, ranges, ssh_args
from runyard.inventory.codes import CODES

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "inventory.md").read_text()
PAGE = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
SOURCES = Path(__file__).parents[3] / "src" / "runyard" / "inventory"


def section(mark: str) -> str:
    return PAGE.split(f"<!-- {mark} -->\n", 1)[1].split("\n\n", 1)[0]


def words(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def test_every_code_is_documented_and_used() -> None:
    rows = dict(re.findall(r"^\| `(IN\d{3})` \| (.+) \|$", section("codes"), re.MULTILINE))
    assert rows == CODES
    used = {
        code
        for path in SOURCES.glob("*.py")
        if path.name != "codes.py"
        for code in re.findall(r'"(IN\d{3})"', path.read_text())
    }
    assert used == set(CODES)


def test_variables_of_connections() -> None:
    left = {cell for row in section("mapped").splitlines() for cell in words(row.split("|")[1])}
    assert left == link.MAPPED
    assert words(section("passwords").split("Left out in the same way")[0]) == link.PASSWORDS
    assert set(ssh_args.NAMES) <= words(PAGE)
    assert link.PRIORITY in words(PAGE)


def test_what_a_folder_passes_over() -> None:
    assert words(section("ignored")) == set(folder.IGNORED)


def test_bounds() -> None:
    assert f"{ranges.MAX_HOSTS:,} hosts" in PAGE
    assert f"within {program.TIMEOUT:g} s" in PAGE
    assert f"at most {program.MAX_OUTPUT >> 20} MiB" in PAGE.replace("\n", " ")
