"""The masker: the same output for any chunks, and no secret survives."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.supervisor.mask import FAST_FROM, Masker, Secrets, mask_all

LETTERS = st.binary(min_size=0, max_size=60).map(lambda b: bytes(97 + x % 3 for x in b))
NEEDLES = st.lists(LETTERS.filter(lambda b: 2 <= len(b) <= 12), min_size=1, max_size=4)


def reference(needles: list[bytes], data: bytes) -> bytes:
    """The definition: overlapping occurrences are one `***`."""
    inside = [False] * (len(data) + 1)
    starts = [False] * (len(data) + 1)
    spans = sorted(
        (at, at + len(needle))
        for needle in needles
        for at in range(len(data))
        if data.startswith(needle, at)
    )
    end = -1
    for start, stop in spans:
        if start >= end:
            starts[start] = True
        end = max(end, stop)
        for at in range(start, stop):
            inside[at] = True
    out = b""
    for at, byte in enumerate(data):
        if starts[at]:
            out += b"***"
        if not inside[at]:
            out += bytes([byte])
    return out


@given(NEEDLES, LETTERS, st.lists(st.integers(0, 60)))
@settings(max_examples=400)
def test_any_chunks_give_what_is_defined(
    needles: list[bytes], data: bytes, cuts: list[int]
) -> None:
    masker = Masker(needles)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    out = b"".join(masker.feed(data[a:b]) for a, b in itertools.pairwise(edges))
    assert out + masker.flush() == reference(needles, data)


@given(NEEDLES, LETTERS)
def test_only_a_prefix_of_a_needle_is_held_back(needles: list[bytes], data: bytes) -> None:
    masker = Masker(needles)
    masker.feed(data)
    held = masker._carry
    assert held == b"" or any(n.startswith(held) and n != held for n in needles)


@given(
    st.text(min_size=6, max_size=30),
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.integers(1, 50),
)
def test_a_secret_never_survives(secret: str, before: bytes, after: bytes, size: int) -> None:
    raw = secret.encode("utf-8", "surrogateescape")
    data = before + raw + after
    masker = Masker(Secrets({"S": secret}).needles)
    out = b"".join(masker.feed(data[i : i + size]) for i in range(0, len(data), size))
    out += masker.flush()
    assert b"***" in out
    assert raw not in out or raw in b"***" + after or raw in before + b"***"


@pytest.mark.parametrize("filler", [b"\0", b"y\n", b"secre", b"nothing to see here, 12345\n"])
def test_large_chunks_are_searched_as_well(filler: bytes) -> None:
    needles = [b"secret-one", b"secret-two", b"\0\1\2\3\4\5", b"plain words"]
    pad = filler * (FAST_FROM * 3)
    data = pad + b"secret-one" + pad + b"a secret-two, plain words" + pad
    assert mask_all(needles, data) == pad + b"***" + pad + b"a ***, ***" + pad


def test_a_needle_that_is_slow_for_one_chunk_is_still_found_in_the_next() -> None:
    masker = Masker([b"needle-1"])
    masker._slow[b"needle-1"] = 2
    chunk = b"x" * 1000 + b"needle-1" + b"1eldn-" * 500
    assert [masker.feed(chunk).count(b"***") for _ in range(4)] == [1] * 4


def test_exports_name_secrets() -> None:
    secrets = Secrets({"A": "value-a", "B": "value-b"})
    assert secrets.export("value-a") == "${secret:A}"
    assert secrets.export("x value-b y") == "x *** y"
    assert secrets.export({"k": ["value-b", 3, None]}) == {"k": ["${secret:B}", 3, None]}
    assert Secrets({}).export({"k": "value-a"}) == {"k": "value-a"}
