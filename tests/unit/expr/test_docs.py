"""The tables of docs/reference/expressions.md and variables.md say what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from runyard.expr import environment, lexer, parser, regex, regex_program, regex_syntax
from runyard.expr.providers import provider_of
from runyard.expr.secrets import MIN_LENGTH
from runyard.expr.variables import PRECEDENCE, Variables
from runyard.expr.when import compile_when
from runyard.hosts.inventory import Inventory

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
VARIABLES = {"A": "5", "OK": "yes", "OS": "debian", "EMPTY": "", "L": ["a", "b"]}


def section(page: str, mark: str) -> str:
    text = (REFERENCE / page).read_text("utf-8")
    return text.split(f"<!-- {mark} -->\n", 1)[1].split("\n\n", 1)[0]


def rows(page: str, mark: str) -> list[list[str]]:
    """Cells of a table, without its head."""
    found = []
    for line in section(page, mark).splitlines()[2:]:
        cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
        found.append([cell.strip().replace("\\|", "|") for cell in cells])
    return found


def test_precedence() -> None:
    documented = [(layer.strip("`"), where) for layer, where in rows("variables.md", "precedence")]
    assert documented == list(PRECEDENCE)


def test_operators() -> None:
    documented = {operator.strip("`") for operator, _ in rows("expressions.md", "operators")}
    assert documented == {*parser.COMPARISONS, "!", "&&", "||"}


@pytest.mark.parametrize("row", rows("expressions.md", "examples"), ids=lambda row: row[0])
def test_examples(row: list[str]) -> None:
    expression, value = row
    scope = Variables(Inventory.local(), workflow=VARIABLES).scope("local")
    assert compile_when(expression.strip("`")).evaluate(scope) is (value == "true")


def test_limits() -> None:
    documented = [int(value) for _, value in rows("expressions.md", "limits")]
    assert documented == [
        lexer.MAX_LENGTH,
        parser.MAX_DEPTH,
        regex_syntax.MAX_PATTERN,
        regex_program.MAX_CODE,
        regex.MAX_INPUT,
    ]
    text = (REFERENCE / "variables.md").read_text("utf-8")
    assert f"at most {environment.MAX_ENTRY} bytes" in text
    assert f"Values under {MIN_LENGTH} characters" in text


def test_unsafe_exports() -> None:
    documented = re.findall(r"`(\w+)`", section("variables.md", "unsafe"))
    assert documented == sorted(environment.UNSAFE_EXPORTS)


@pytest.mark.parametrize("row", rows("variables.md", "providers"), ids=lambda row: row[0])
def test_providers(row: list[str]) -> None:
    import yaml

    written: dict[str, Any] = yaml.safe_load(row[0].strip("`").replace(", …", ""))
    assert type(provider_of("X", written)).__name__ == f"{next(iter(written)).title()}Provider"
