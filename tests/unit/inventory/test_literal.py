from __future__ import annotations

import ast
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.inventory.literal import value_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("0", 0),
        ("007", "007"),
        ("-5", -5),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("10.0.0.1", "10.0.0.1"),
        ("True", True),
        ("None", None),
        ("true", "true"),
        ("yes", "yes"),
        ("Trueish", "Trueish"),
        ("True # said so", True),
        ("7 # seven", 7),
        ("abc # kept", "abc # kept"),
        ("'5'", "5"),
        ("'a' 'b'", "ab"),
        ("(1, 2)", [1, 2]),
        ("{3, 1}", [1, 3]),
        ("{'a': (1,), 2: None}", {"a": [1], "2": None}),
        ("b'x'", "x"),
        ("...", "..."),
        ("1+2j", "(1+2j)"),
        ("1+2", "1+2"),
        ("__import__('os')", "__import__('os')"),
        ("[1, os]", "[1, os]"),
        ("", ""),
        (r"'\d'", r"\d"),
    ],
)
def test_values(text: str, value: Any) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


def test_nothing_is_too_deep_or_too_long() -> None:
    for text in ("[" * 5000, "[" * 100_000 + "]" * 100_000, "1" * 5000, "-" * 100_000 + "1"):
        assert value_of(text) == text


@given(
    st.one_of(st.text(max_size=20), st.text("0123456789.'\"[]{}(),:+-_ TrueFalsN#", max_size=12))
)
def test_the_short_cuts_change_nothing(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError):
            value = text
    if isinstance(value, str | int | float) or value is None:
        assert value_of(text) == value or value != value
    else:
        value_of(text)
