from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.inventory.ranges import MAX_HOSTS, RangeError, expand, split_port


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("web", ["web"]),
        ("", [""]),
        ("web[1:3]", ["web1", "web2", "web3"]),
        ("web[01:03].x", ["web01.x", "web02.x", "web03.x"]),
        ("web[08:10]", ["web08", "web09", "web10"]),
        ("web[9:11]", ["web9", "web10", "web11"]),
        ("w[0:10:5]", ["w0", "w5", "w10"]),
        ("w[1:4:2]", ["w1", "w3"]),
        ("w[:2]", ["w0", "w1", "w2"]),
        ("w[5:5]", ["w5"]),
        ("db-[a:c]", ["db-a", "db-b", "db-c"]),
        ("[y:B]", ["y", "z", "A", "B"]),
        ("[a:e:2]", ["a", "c", "e"]),
        ("[1:2]-[a:b]", ["1-a", "1-b", "2-a", "2-b"]),
        ("web[12]", ["web[12]"]),
    ],
)
def test_expand(pattern: str, names: list[str]) -> None:
    assert expand(pattern) == names


@pytest.mark.parametrize(
    "pattern",
    ["w[1:]", "w[3:1]", "w[b:a]", "w[a:3]", "w[01:100]", "w[1:9:0]", "w[1:9:-1]", "w[1:2:3:4]",
     "w[0:9999999999]", "w[٣:٤]", "w[aa:bb]", "w[1:1000][1:1000]", "w[-1:3]", "w[1:3:99999999999]"],
)  # fmt: skip
def test_refused(pattern: str) -> None:
    with pytest.raises(RangeError):
        expand(pattern)


@given(st.integers(0, 5000), st.integers(0, 300), st.integers(1, 50), st.booleans())
def test_numbers_are_those_of_python(low: int, count: int, step: int, padded: bool) -> None:
    high = low + count
    width = len(str(high)) + 1 if padded else 0
    found = expand(f"a[{low:0{width}}:{high:0{width}}:{step}]b")
    assert found == [f"a{n:0{width}}b" for n in range(low, high + 1, step)]


@given(st.text("[]:0123456789abz", max_size=12))
def test_whatever_is_written_there_is_an_answer(text: str) -> None:
    found = [text]
    with suppress(RangeError):
        found = expand(text)
    assert 0 < len(found) <= MAX_HOSTS
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web1", ("web1", None)),
        ("web1:2222", ("web1", 2222)),
        ("web[1:3]:22", ("web[1:3]", 22)),
        ("web[1:3]", ("web[1:3]", None)),
        ("2001:db8::1", ("2001:db8::1", None)),
        ("[2001:db8::1]:22", ("2001:db8::1", 22)),
        ("[2001:db8::1]", ("2001:db8::1", None)),
        ("[fe80::1%eth0]:22", ("fe80::1%eth0", 22)),
        ("[a:f]", ("[a:f]", None)),
        ("[1:3]", ("[1:3]", None)),
        ("10.0.0.1:7072", ("10.0.0.1", 7072)),
        ("web1:", ("web1:", None)),
        ("web1:ssh", ("web1:ssh", None)),
    ],
)
def test_split_port(text: str, found: tuple[str, int | None]) -> None:
    assert split_port(text) == found
