"""The forms of a secret, against the libraries that write them."""

from __future__ import annotations

import base64
import json
import shlex
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.supervisor.forms import ShortSecret, forms_of

SECRETS = st.text(st.characters(codec="utf-8"), min_size=6, max_size=40).filter(
    lambda text: len(text.splitlines()) <= 1
)


def covered(form: bytes, forms: list[bytes]) -> bool:
    return any(known in form for known in forms)


@given(SECRETS)
def test_encodings_of_the_standard_library_are_known(secret: str) -> None:
    forms = forms_of({"S": secret})
    raw = secret.encode()
    for form in (
        raw,
        urllib.parse.quote(secret, safe="").encode(),
        urllib.parse.quote(secret).encode(),
        urllib.parse.quote_plus(secret).encode(),
        urllib.parse.quote(secret, safe="").lower().encode() if secret.islower() else raw,
        json.dumps(secret)[1:-1].encode(),
        json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
        shlex.quote(secret).encode(),
    ):
        assert covered(form, forms), form


@given(SECRETS, st.binary(max_size=7), st.binary(max_size=7))
def test_base64_at_any_alignment(secret: str, before: bytes, after: bytes) -> None:
    forms = forms_of({"S": secret})
    data = before + secret.encode() + after
    assert covered(base64.b64encode(data), forms)
    assert covered(base64.urlsafe_b64encode(data), forms)


def test_each_long_line_of_a_secret_of_several() -> None:
    forms = forms_of({"KEY": "-----BEGIN-----\nabcdefgh\nshort\n-----END-----\n"})
    assert b"abcdefgh" in forms and b"-----BEGIN-----" in forms
    assert b"short" not in forms


def test_forms_within_forms_are_left_out() -> None:
    assert forms_of({"A": "abcdef", "B": "xxabcdefxx"}).count(b"xxabcdefxx") == 0
    plain = forms_of({"A": "abcdef"})
    assert b"abcdef" in plain and len(plain) == 4  # and base64 at three alignments


@pytest.mark.parametrize("value", ["", "12345", "ééééé"])
def test_short_ones_are_refused_without_telling_them(value: str) -> None:
    with pytest.raises(ShortSecret) as caught:
        forms_of({"PIN": value})
    assert "PIN" in str(caught.value)
    assert not value or value not in str(caught.value)
