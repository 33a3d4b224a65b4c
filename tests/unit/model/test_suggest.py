from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.model.suggest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("wbe1", ["web1", "db1"], "web1"),
        ("WEB1", ["web1", "web2"], "web1"),
        ("zzz", ["web1"], None),
        ("", ["web1"], None),
        ("web1", [], None),
        ("x" * 1000, ["x" * 1001], None),
    ],
)
def test_nearest(word: str, known: list[str], meant: str | None) -> None:
    assert nearest(word, known) == meant


def test_the_form_of_the_hint() -> None:
    assert did_you_mean("wbe1", ["web1"]) == 'did you mean "web1"?'
    assert did_you_mean("OKK", ["OK"], "${{}}") == "did you mean ${OK}?"
    assert did_you_mean("zzz", ["web1"]) == ""


@given(st.text(max_size=10), st.lists(st.text(max_size=10)))
def test_never_the_word_itself(word: str, known: list[str]) -> None:
    found = nearest(word, known)
    assert found is None or (found in known and found != word)
