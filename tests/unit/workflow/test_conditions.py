"""Columns of an expression mapped into the file, whatever the style of the scalar."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.workflow.compose import compose
from runyard.workflow.conditions import locate
from runyard.workflow.node import Node
from runyard.workflow.report import Report
from runyard.workflow.source import Source


def read(text: str) -> tuple[Source, Node]:
    source = Source("f", text)
    root = compose(source, Report(source))
    assert root is not None
    return source, root.value["when"]


def single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


WORDS = st.text("ab'\"\\$ü{", min_size=1, max_size=6)
TEXTS = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)


@given(TEXTS, st.sampled_from([single, lambda t: json.dumps(t, ensure_ascii=False)]), st.data())
def test_every_character_of_a_quoted_text(text: str, quote: object, data: st.DataObject) -> None:
    assert callable(quote)
    source, node = read(f"x: 1\nwhen:   {quote(text)}  # end\n")
    assert node.value == text
    offset = data.draw(st.integers(0, len(text) - 1))
    line, col = locate(source, node, offset)
    assert line == 2
    assert source.line(2)[col - 1] in (text[offset], "\\")


@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from("|>"), st.data())
def test_every_character_of_a_block(lines: list[str], style: str, data: st.DataObject) -> None:
    body = "".join(f"    {text}\n" for text in lines)
    source, node = read(f"when: {style}\n{body}x: 1\n")
    offset = data.draw(st.integers(0, len(node.value) - 1))
    line, col = locate(source, node, offset)
    if node.value[offset] not in " \n":
        assert source.line(line)[col - 1] == node.value[offset]
        before = [text.replace(" ", "") for text in lines[: line - 2]]
        assert len("".join(before)) <= len(node.value[:offset].replace(" ", "").replace("\n", ""))


@pytest.mark.parametrize(
    "text",
    [
        "when: ab\n  cd\n  X\ny: 1\n",
        "when: 'ab\n\n  cd X'\n",
        'when: "ab\\\n  cd X"\n',
        'when: "\\x41\\u0042 X"\n',
        "when: >\n  ab\n\n  cd\n  X\n",
        "when: |2\n   ab\n  X\n",
        "y: [1]\nwhen:\n  X\n",
    ],
)
def test_the_x(text: str) -> None:
    source, node = read(text)
    line, col = locate(source, node, node.value.index("X"))
    assert source.line(line)[col - 1] == "X"


def test_an_offset_behind_the_end() -> None:
    source, node = read("when: abc\n")
    assert locate(source, node, 3) == (1, 10)


def test_a_very_long_text_is_walked_once() -> None:
    source, node = read("when: '" + "a " * 200_000 + "X'\n")
    assert locate(source, node, len(node.value) - 1) == (1, 400_008)
