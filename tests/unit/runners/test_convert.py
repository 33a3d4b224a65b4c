"""What a value may be, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.model.action import Param
from runyard.runners.convert import _KINDS, convert, is_open, to_text


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "a", "a"),
        ("string", 5, "5"),
        ("string", True, "true"),
        ("text", "a\nb", "a\nb"),
        ("command", "ls -l", "ls -l"),
        ("command", ["ls", 1, True], ("ls", "1", "true")),
        ("int", "12", 12),
        ("int", 12.0, 12),
        ("float", "1.5", 1.5),
        ("bool", "yes", True),
        ("bool", "ON", True),
        ("bool", 1, True),
        ("bool", "1", True),
        ("bool", "off", False),
        ("bool", 0, False),
        ("duration", "1m30s", 90.0),
        ("duration", 5, 5.0),
        ("size", "2k", 2048),
        ("mode", 644, 0o644),
        ("mode", "0644", 0o644),
        ("mode", "0o755", 0o755),
        ("mode", "4755", 0o4755),
        ("strings", ["a", 1], ("a", "1")),
        ("ints", [1, "2"], (1, 2)),
        ("map", {"a": [1]}, {"a": [1]}),
        ("env", {"A_1": "x"}, {"A_1": "x"}),
        ("any", None, None),
    ],
)
def test_good_values(kind: str, value: Any, expected: Any) -> None:
    assert convert(Param("p", kind, ""), value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", ["a"]),
        ("string", {"a": 1}),
        ("command", ""),
        ("command", []),
        ("command", [["a"]]),
        ("command", 5),
        ("int", "1.5"),
        ("int", True),
        ("int", None),
        ("float", "x"),
        ("float", False),
        ("bool", "maybe"),
        ("bool", 2),
        ("duration", "5 parsecs"),
        ("duration", -1),
        ("duration", [1]),
        ("size", "big"),
        ("size", -5),
        ("size", None),
        ("mode", "0999"),
        ("mode", "rwx"),
        ("mode", True),
        ("mode", 77777),
        ("strings", "a"),
        ("strings", [["a"]]),
        ("ints", 200),
        ("ints", ["x"]),
        ("map", [1]),
        ("map", {1: 2}),
        ("env", {"A-B": 1}),
        ("env", {"": 1}),
    ],
)
def test_bad_values_say_what_is_expected(kind: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r".{5,}"):
        convert(Param("p", kind, ""), value)


def test_choices() -> None:
    param = Param("state", "string", "", choices=("present", "absent"))
    assert convert(param, "absent") == "absent"
    with pytest.raises(ValueError, match="one of present, absent"):
        convert(param, "gone")


def test_a_required_text_is_not_empty() -> None:
    with pytest.raises(ValueError, match="not empty"):
        convert(Param("url", "string", "", required=True), "  ")


def test_open_values() -> None:
    assert is_open({"a": ["x", "${Y}"]})
    assert not is_open({"a": ["$Y", 5]})


def test_values_as_text() -> None:
    assert [to_text(v) for v in ("a", True, None, 1.5, ["ä"])] == [
        "a",
        "true",
        "null",
        "1.5",
        '["ä"]',
    ]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(kind=st.sampled_from(sorted(_KINDS)), value=_VALUES)
def test_any_value_is_taken_or_refused(kind: str, value: Any) -> None:
    try:
        convert(Param("p", kind, ""), value)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - both ways are right
