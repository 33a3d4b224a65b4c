from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.expr.error import ExprError
from runyard.expr.scope import Scope
from runyard.expr.template import compile_template, references, secret_names, substitute
from runyard.expr.variables import Variables
from runyard.hosts.inventory import Inventory
from runyard.model.errors import ArgumentError
from tests.unit.expr.strategies import outcome, scopes, texts, values


@given(texts)
def test_any_text_compiles_or_has_a_place(text: str) -> None:
    found = outcome(compile_template, text)
    if isinstance(found, ExprError):
        assert 1 <= found.column <= len(text) + 1
        assert text[found.column - 1 :].startswith("${")


@given(values | texts | st.lists(texts), scopes())
def test_substitution_gives_a_value_or_an_argument_error(value: Any, scope: Scope) -> None:
    found = outcome(substitute, value, scope, "args")
    if isinstance(found, ArgumentError):
        assert found.message.startswith("args")


@given(st.text(max_size=20))
def test_what_a_value_holds_is_never_looked_at(text: str) -> None:
    scope = Variables(Inventory.local(), workflow={"X": text}).scope("local")
    assert substitute("<${X}>", scope) == f"<{text}>"
    assert substitute("${X:-}", scope) == text


@given(st.text(max_size=20))
def test_every_text_can_be_written(text: str) -> None:
    scope = Variables(Inventory.local()).scope("local")
    assert substitute(text.replace("${", "$${"), scope) == text


def test_depth_is_bounded() -> None:
    scope = Variables(Inventory.local()).scope("local")
    value: Any = "x"
    for _ in range(5000):
        value = [value]
    with pytest.raises(ArgumentError, match="nested more than"):
        substitute(value, scope, "args")
    with pytest.raises(ArgumentError, match="nested too deep"):
        substitute("${A:-" * 5000 + "}" * 5000, scope, "args")


def test_references_of_templates_and_of_shell_text() -> None:
    value = {
        "cmd": 'echo "${A}" ${#item.x} ${B:-${C}} $D $${E} ${secret:T}\n${A%%.*}',
        "list": [1, None, ["${hosts.web-1.K}", "${secret:U}"]],
    }
    assert references(value) == ("A", "item.x", "B", "C", "secret:T", "hosts.web-1.K", "secret:U")
    assert secret_names(value) == ("T", "U")
    assert references("${A}${A}") == ("A",)
    assert references(None) == ()
