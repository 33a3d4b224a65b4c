"""Scalars by YAML 1.2's core schema."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.workflow.resolve import MAX_DIGITS, resolve, resolve_tagged

STRINGS = [
    "on", "off", "yes", "no", "y", "n", "1:30", "0:0:1", "2026-11-21", "2026-11-21T10:00:00Z",
    "1_000", "0b11", "0o8", "0o", "0x", "0xg", "tRUE", "nULL", "~~", "1.2.3", "1e", "e1", ".", "-",
    "+", "..", "-.", ".e1", "1.e", ".Inf.", "inf", "nan", "=", "<<", "１２",
]  # fmt: skip


@pytest.mark.parametrize("text", STRINGS)
def test_what_looks_like_text_is_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("FALSE", False),
        ("0", 0), ("012", 12), ("+5", 5), ("-5", -5), ("0o14", 12), ("0x1F", 31),
        ("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("-.5", -0.5), ("1e3", 1000.0), ("1E-3", 0.001),
        (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf), ("1e999", math.inf),
    ],
)  # fmt: skip
def test_what_has_a_type(text: str, value: object) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number() -> None:
    assert math.isnan(float(resolve(".nan") or 0))


def test_digits_beyond_what_anybody_counts_stay_text() -> None:
    assert resolve("9" * (MAX_DIGITS + 1)) == "9" * (MAX_DIGITS + 1)
    assert resolve("9" * MAX_DIGITS) == int("9" * MAX_DIGITS)


@given(st.integers(-(10**30), 10**30))
def test_whole_numbers_come_back(number: int) -> None:
    assert resolve(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back(number: float) -> None:
    assert resolve(repr(number)) == number


TAG = "tag:yaml.org,2002:"


def test_tags() -> None:
    assert resolve_tagged(TAG + "str", "12") == "12"
    assert resolve_tagged(TAG + "int", "12") == 12
    assert resolve_tagged(TAG + "float", "12") == 12.0
    assert resolve_tagged(TAG + "null", "") is None
    assert resolve_tagged(TAG + "bool", "true") is True


@pytest.mark.parametrize(("tag", "text"), [("int", "a"), ("int", "true"), ("bool", "yes")])
def test_tags_that_do_not_fit(tag: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"is not of the type !!{tag}"):
        resolve_tagged(TAG + tag, text)


def test_unknown_tags() -> None:
    with pytest.raises(ValueError, match="the tag !vault is not supported"):
        resolve_tagged("!vault", "x")
