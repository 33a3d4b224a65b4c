"""The masker: the same output for any chunks, and no secret survives."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.supervisor.mask import Masker, Secrets, mask_all
from runyard.supervisor.needles import FAST_FROM, SHORT, Needles

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
    masker = Masker(Needles(needles))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    out = b"".join(masker.feed(data[a:b]) for a, b in itertools.pairwise(edges))
    assert out + masker.flush() == reference(needles, data)


@given(NEEDLES, LETTERS)
def test_only_a_prefix_of_a_needle_is_held_back(needles: list[bytes], data: bytes) -> None:
    masker = Masker(Needles(needles))
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
    masker = Secrets({"S": secret}).masker()
    out = b"".join(masker.feed(data[i : i + size]) for i in range(0, len(data), size))
    out += masker.flush()
    assert b"***" in out
    assert raw not in out or raw in b"***" + after or raw in before + b"***"


@pytest.mark.parametrize("filler", [b"\0", b"y\n", b"secre", b"nothing to see here, 12345\n"])
def test_large_chunks_are_searched_as_well(filler: bytes) -> None:
    needles = [b"secret-one", b"secret-two", b"\0\1\2\3\4\5", b"plain words"]
    pad = filler * (FAST_FROM * 3)
    data = pad + b"secret-one" + pad + b"a secret-two, plain words" + pad
    assert mask_all(Needles(needles), data) == pad + b"***" + pad + b"a ***, ***" + pad


def test_a_needle_that_is_slow_for_one_chunk_is_still_found_in_the_next() -> None:
    needles = Needles([b"needle-1"])
    needles._slow[b"needle-1"] = 2
    masker = Masker(needles)
    chunk = b"x" * 1000 + b"needle-1" + b"1eldn-" * 500
    assert [masker.feed(chunk).count(b"***") for _ in range(4)] == [1] * 4


def test_exports_name_secrets() -> None:
    secrets = Secrets({"A": "value-a", "B": "value-b"})
    assert secrets.export("value-a") == "${secret:A}"
    assert secrets.export("x value-b y") == "x *** y"
    assert secrets.export({"k": ["value-b", 3, None]}) == {"k": ["${secret:B}", 3, None]}
    assert Secrets({}).export({"k": "value-a"}) == {"k": "value-a"}


@given(st.integers(1, 4 * SHORT), st.lists(st.integers(0, 900), max_size=6))
def test_long_needles(size: int, cuts: list[int]) -> None:
    needle = bytes(97 + n * n % 23 for n in range(size)) + b"A" * 70 + b"B"
    data = needle[: size + 40] + needle + needle[:-1] + b"-" + needle
    masker = Masker(Needles([needle]))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    out = b"".join(masker.feed(data[a:b]) for a, b in itertools.pairwise(edges)) + masker.flush()
    assert out == reference([needle], data)


def test_a_long_secret_is_prepared_in_little_memory() -> None:
    needles = Secrets({"KEY": "k" + "0123456789abcdef" * 4096}).needles
    assert sum(len(end) for ends in needles._ends.values() for end in ends) < 100_000
