from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.expr.error import ExprError
from runyard.expr.lexer import MAX_LENGTH
from runyard.expr.scope import Scope
from runyard.expr.variables import Variables
from runyard.expr.when import When, compile_when
from runyard.hosts.inventory import Inventory
from runyard.model.errors import ArgumentError
from tests.unit.expr.strategies import outcome, scopes, texts

OPERANDS = ("${A}", "${B:-2}", '"x"', "'${item}'", "1", "-2.5", "true", "no", "[1, 'a']", "(${NO})")
OPERATORS = ("==", "!=", ">", "<", ">=", "<=", "in", "matches")


def scope_of(**variables: object) -> Scope:
    return Variables(Inventory.local(), workflow=variables).scope("local")


def sentences() -> st.SearchStrategy[str]:
    """Expressions that are well formed."""
    operand = st.sampled_from(OPERANDS)
    comparison = st.builds(" ".join, st.tuples(operand, st.sampled_from(OPERATORS), operand))
    return st.recursive(
        operand | comparison.filter(lambda text: "matches '" not in text),
        lambda inner: (
            st.builds("({} && {})".format, inner, inner)
            | st.builds("({} || {})".format, inner, inner)
            | st.builds("!({})".format, inner)
        ),
        max_leaves=8,
    )


@given(texts)
def test_any_text_compiles_or_has_a_place(text: str) -> None:
    found = outcome(compile_when, text)
    if isinstance(found, ExprError):
        assert 1 <= found.column <= len(text) + 1
        assert found.message
        assert found.hint
    else:
        assert found.text == text


@given(sentences(), scopes())
def test_any_expression_over_any_scope_is_a_bool_or_an_argument_error(
    text: str, scope: Scope
) -> None:
    when = compile_when(text)
    assert isinstance(outcome(when.evaluate, scope), bool | ArgumentError)
    assert when.explain(scope).startswith(" ".join(text.split()))


@pytest.mark.parametrize("opening", ["(", "!(", "["])
def test_depth_is_bounded(opening: str) -> None:
    with pytest.raises(ExprError, match="nested more than"):
        compile_when(opening * 5000)


def test_long_chains_are_no_depth() -> None:
    assert compile_when(" && ".join(["true"] * 1500)).evaluate(scope_of())
    assert not compile_when(" || ".join(["no"] * 1500)).evaluate(scope_of())
    assert compile_when("!" * 10000 + "true").evaluate(scope_of())


def test_size_is_bounded() -> None:
    with pytest.raises(ExprError, match="too long"):
        compile_when("(" * (MAX_LENGTH + 1))


@pytest.mark.parametrize(
    ("written", "value"), [(True, True), (False, False), (0, False), (2, True)]
)
def test_values_of_yaml_are_expressions(written: bool | int, value: bool) -> None:
    assert compile_when(written).evaluate(scope_of()) is value


def test_names_are_in_order_and_once() -> None:
    when = compile_when('${B} == "${A}x" && (${hosts.web1.K:-0} > 1 || ${B}) && ${m} in [${c.d}]')
    assert when.names == ("B", "A", "hosts.web1.K", "m", "c.d")


def test_equal_texts_make_equal_conditions() -> None:
    assert compile_when("${A}") == compile_when("${A}")
    assert compile_when("${A}") != compile_when("${B}")
    assert isinstance(compile_when("${A}"), When)


def test_explain_shows_values_and_no_secrets() -> None:
    variables = Variables(
        Inventory.local(),
        workflow={"A": "x" * 100, "S": "${secret:T}", "N": 3},
        secrets={"T": "hunter22"},
    )
    when = compile_when('${A} == 1 &&\n ${S} != "" && ${N} && ${NO}')
    shown = when.explain(variables.scope("local"))
    assert shown.startswith('${A} == 1 && ${S} != "" && ${N} && ${NO} (A=')
    assert "N='3', NO is not set)" in shown
    assert "hunter" not in shown
    assert "x" * 61 not in shown


def test_an_error_shows_no_secret() -> None:
    variables = Variables(
        Inventory.local(), workflow={"S": "${secret:T}"}, secrets={"T": "hunter22"}
    )
    with pytest.raises(ArgumentError) as caught:
        compile_when("${S} > 1").evaluate(variables.scope("local"))
    assert '"***" > "1"' in caught.value.message
