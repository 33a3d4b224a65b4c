from __future__ import annotations

import string
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.agent.envfile import quoted, unquoted

TOKENS = st.text(alphabet=[chr(n) for n in range(33, 127)], min_size=1, max_size=60)


@given(TOKENS)
def test_what_is_quoted_is_read_again(token: str) -> None:
    assert unquoted(quoted(token)) == token


@given(TOKENS.filter(lambda text: not set(text) & set("\"'\\")))
def test_what_needs_no_quotes_may_stand_without(token: str) -> None:
    assert unquoted(token) == token


def test_a_plain_token_stands_as_it_is() -> None:
    plain = string.ascii_letters + string.digits + "-_"
    assert quoted(plain) == plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"a\b\\c", r"ab\c"),
        ('"a b" ', "a b"),
        (r'"a\b\"\$"', 'a\\b"$'),
        (r"'a\b\"'", r"a\b\""),
        ("a\"b'", "a\"b'"),
        ('"a"b', "ab"),
        ("", ""),
    ],
)
def test_it_is_read_by_the_rules_of_systemd(text: str, value: str) -> None:
    assert unquoted(text) == value


def test_a_shell_reads_the_same() -> None:
    everything = "".join(chr(n) for n in range(33, 127))
    tokens = ["\\", '"', "'quote", '"quote"', "a$b`c`$(d)", "#x", ";x", "~", everything]
    lines = "\n".join(f"T={quoted(token)}; printf '%s\\n' \"$T\"" for token in tokens)
    done = subprocess.run(["/bin/sh"], input=lines, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == tokens
