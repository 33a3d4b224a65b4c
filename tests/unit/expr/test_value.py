from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from runyard.expr.value import bool_of, is_equal, is_true, number_of, text_of
from tests.unit.expr.strategies import values


@pytest.mark.parametrize(
    ("value", "number"),
    [("1", 1), ("-1.50", -1.5), ("+2", 2), (".5", 0.5), ("5.", 5.0), (" 7\n", 7), ("1e2", 100.0)]
    + [(x, None) for x in ("", ".", "e5", "1x", "0x1", "1_0", "inf", "nan", "١", "- 1", "9" * 401)]
    + [(True, None), (None, None), ([1], None), (float("inf"), None), (3, 3), (2.5, 2.5)],
)
def test_numbers(value: Any, number: float | None) -> None:
    assert number_of(value) == number


@given(values, values)
def test_equality_is_symmetric_and_total(left: Any, right: Any) -> None:
    assert is_equal(left, right) is is_equal(right, left)
    assert is_equal(left, left) is True


@given(values)
def test_every_value_has_a_text_and_a_truth(value: Any) -> None:
    assert isinstance(text_of(value), str)
    assert is_true(value) in (True, False)
    if bool_of(value) is not None:
        assert is_true(value) is bool_of(value)
