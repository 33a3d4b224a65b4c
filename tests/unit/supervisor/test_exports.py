"""The export scanner: every form, any chunks, bounded memory."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.supervisor.exports import MAX_KEYS, MAX_VALUE, MAX_WARNINGS, Exports


def scan(data: bytes, size: int = 1 << 20) -> Exports:
    exports = Exports()
    for at in range(0, len(data), size):
        exports.feed(data[at : at + size])
    exports.finish()
    return exports


CASES: list[tuple[str, dict[str, Any], int]] = [
    ("BOPS_EXPORT:A=1\n", {"A": "1"}, 0),
    ("BOPS_EXPORT:A=1", {"A": "1"}, 0),
    ("BOPS_EXPORT:A=1\r\n", {"A": "1"}, 0),
    ("BOPS_EXPORT:A=\n", {"A": ""}, 0),
    ("BOPS_EXPORT:A=b=c d \n", {"A": "b=c d "}, 0),
    ("BOPS_EXPORT:A=1\nBOPS_EXPORT:A=2\n", {"A": "2"}, 0),
    ("BOPS_EXPORT:{A=1}\n", {"A": "1"}, 0),
    ("BOPS_EXPORT:{A=x,y}\n", {"A": "x,y"}, 0),
    (
        'BOPS_EXPORT:{"A":"v","N":3,"B":true,"X":null}\n',
        {"A": "v", "N": 3, "B": True, "X": None},
        0,
    ),
    ('BOPS_EXPORT:{"A":"{B=1}"}\n', {"A": "{B=1}"}, 0),
    ("BOPS_EXPORT:A<<EOF\nx\n\ny\nEOF\n", {"A": "x\n\ny"}, 0),
    (
        "BOPS_EXPORT:A<<E\nBOPS_EXPORT:B=1\nE\nBOPS_EXPORT:C=2\n",
        {"A": "BOPS_EXPORT:B=1", "C": "2"},
        0,
    ),
    ("BOPS_EXPORT:A<<E\nnever ends\n", {}, 1),
    ("BOPS_EXPORT:A=x<<y\n", {"A": "x<<y"}, 0),
    ("say BOPS_EXPORT:A=1\n", {}, 0),
    ("BOPS_EXPORT\n:A=1\n", {}, 0),
    ("BOPS_EXPORT:1A=1\n", {}, 1),
    ("BOPS_EXPORT:A-B=1\n", {}, 1),
    ("BOPS_EXPORT:ключ=1\n", {}, 1),
    ("BOPS_EXPORT:A\n", {}, 1),
    ("BOPS_EXPORT:\n", {}, 1),
    ("BOPS_EXPORT:{}\n", {}, 0),
    ('BOPS_EXPORT:{"A":}\n', {}, 1),
    ("BOPS_EXPORT:{[[[[}\n", {}, 1),
    ("\n\nBOPS_EXPORT:A=é漢\n\n", {"A": "é漢"}, 0),
]


@pytest.mark.parametrize(("text", "values", "warnings"), CASES)
@pytest.mark.parametrize("size", [1, 3, 1 << 20])
def test_forms(text: str, values: dict[str, Any], warnings: int, size: int) -> None:
    exports = scan(text.encode(), size)
    assert exports.values == values
    assert len(exports.warnings) == warnings


PIECES = st.lists(
    st.sampled_from(
        [
            "BOPS_EXPORT:",
            "A",
            "B=",
            "<<E",
            "\n",
            "E\n",
            "{",
            "}",
            '"k":1',
            "x" * 30,
            "\r\n",
            " ",
            "é",
        ]
    ),
    max_size=30,
).map(lambda parts: "".join(parts).encode())


@given(PIECES, st.lists(st.integers(0, 300)))
@settings(max_examples=400)
def test_chunks_make_no_difference(data: bytes, cuts: list[int]) -> None:
    exports = Exports()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for a, b in itertools.pairwise(edges):
        exports.feed(data[a:b])
    exports.finish()
    whole = scan(data)
    assert (exports.values, exports.warnings) == (whole.values, whole.warnings)


def test_what_is_too_much_is_left_out_with_a_warning() -> None:
    big = b"x" * (MAX_VALUE + 2000)
    exports = scan(b"BOPS_EXPORT:A=" + big + b"\nBOPS_EXPORT:B=1\n", 65536)
    assert exports.values == {"B": "1"} and len(exports.warnings) == 1
    lines = b"line of text\n" * (MAX_VALUE // 10)
    exports = scan(b"BOPS_EXPORT:A<<E\n" + lines + b"E\nBOPS_EXPORT:B=1\n", 65536)
    assert exports.values == {"B": "1"} and len(exports.warnings) == 1
    many = b"".join(b"BOPS_EXPORT:K%d=1\n" % n for n in range(MAX_KEYS + 100))
    exports = scan(many)
    assert len(exports.values) == MAX_KEYS and len(exports.warnings) == MAX_WARNINGS


def test_memory_is_bounded_by_a_line_without_end() -> None:
    exports = Exports()
    for _ in range(100):
        exports.feed(b"x" * 65536)
    assert exports._line == b""
    exports.feed(b"\nBOPS_EXPORT:A<<E\n")
    for _ in range(100):
        exports.feed(b"y" * 65536)
    assert len(exports._line) <= MAX_VALUE + 65536 + 512
