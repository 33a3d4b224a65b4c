from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.expr.error import ExprError
from runyard.expr.regex import MAX_INPUT, compile_regex
from runyard.model.errors import ArgumentError
from tests.unit.expr.strategies import outcome

ALPHABET = "ab01 .^$*+?()[]{},|\\dwsbBAZ-_\n"


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@settings(max_examples=1000)
@given(st.text(ALPHABET, max_size=12), st.text("ab01 _-\n.", min_size=1, max_size=12))
def test_agrees_with_re(pattern: str, text: str) -> None:
    ours = outcome(compile_regex, pattern)
    if isinstance(ours, ExprError):
        assert 1 <= ours.column <= len(pattern) + 1
        return
    assert ours.found_in(text) is (re.search(pattern, text) is not None)


@settings(max_examples=200)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_pattern_over_any_text(pattern: str, text: str) -> None:
    regex = outcome(compile_regex, pattern)
    if isinstance(regex, ExprError):
        assert 1 <= regex.column <= len(pattern) + 1
    else:
        assert isinstance(regex.found_in(text), bool)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*b", "(a*)*b", ".*.*.*.*.*b", "(x+x+)+y", "(a|aa)+$", "((a?){20})*b"],
)
def test_nothing_backtracks(pattern: str) -> None:
    assert compile_regex(pattern).found_in("a" * 5000 + "!") is False


def test_work_is_bounded() -> None:
    letters = random.Random(1)
    text = "".join(letters.choice("ab") for _ in range(MAX_INPUT))
    with pytest.raises(ArgumentError, match="takes too long"):
        compile_regex("(a|b)*a(a|b){15}c").found_in(text)


def test_input_is_bounded() -> None:
    with pytest.raises(ArgumentError, match="too long for matches"):
        compile_regex("a").found_in("x" * (MAX_INPUT + 1))


@pytest.mark.parametrize("pattern", ["(" * 2000, "a" * 2000, "(){999999999}", "(a{999}){999}"])
def test_patterns_are_bounded(pattern: str) -> None:
    with pytest.raises(ExprError):
        compile_regex(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("(?i)ABC", "xabcx", True),
        ("(?i)[A-C]+$", "abc", True),
        ("(?m)^b$", "a\nb\nc", True),
        ("^b$", "a\nb\nc", False),
        ("(?s)a.b", "a\nb", True),
        ("a.b", "a\nb", False),
        ("c$", "abc\n", True),
        (r"c\Z", "abc\n", False),
        (r"\bweb\b", "the web!", True),
        (r"\x41\u0042", "AB", True),
        ("(?P<name>a)(?:b)", "ab", True),
        ("a{2}?b", "aab", True),
        ("a{,2}b", "b", True),
        ("{", "{", True),
        ("a{x}", "a{x}", True),
        (r"[\]\-\\^]", "^", True),
        (r"[^\d\s]", "1 2", False),
        ("[]a]", "]", True),
        ("ä+", "ää", True),
        (r"\w", "ä", True),
    ],
)
def test_syntax(pattern: str, text: str, found: bool) -> None:
    assert compile_regex(pattern).found_in(text) is found
