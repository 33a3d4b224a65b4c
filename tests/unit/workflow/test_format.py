"""fmt: one way to write it, nothing lost, nothing changed the second time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.runners.registry import ActionRegistry
from runyard.workflow.document import InvalidWorkflow
from runyard.workflow.format import format_text
from runyard.workflow.load import loads
from tests.conformance.workflow.cases import HERE, bad_cases
from tests.unit.workflow.test_load import PIECES

GOOD = sorted((HERE / "good").glob("*.yaml"))
ACTIONS = ActionRegistry()

MESSY = """\
# License
# of this file

name:   x
version: v0.1   # why
# about vars

vars:
    A: 1
    # B is
    B: "2"


steps:
# first
- action: cmd.run
  # the name
  name: one
  with:
      cmd: |
         # not a comment

           indented
         last

  # tail of one
# second
-   name: two
    args: {cmd: date,
           dir: /}
    action: cmd.run
    rollback:
        args:
           cmd: date
        action: cmd.run
# end of steps
inventory:
  hosts:
    web1:
      vars: {A: 1}
      address: ssh://h
# the end
"""
TIDY = """\
# License
# of this file

version: v0.1   # why
name:   x
# end of steps
inventory:
  hosts:
    web1:
      address: ssh://h
      vars: {A: 1}
# about vars

vars:
  A: 1
  # B is
  B: "2"

steps:
  # first
  # the name
  - name: one
    action: cmd.run
    args:
      cmd: |
         # not a comment

           indented
         last

    # tail of one
  # second
  - name: two
    action: cmd.run
    args: {cmd: date,
           dir: /}
    rollback:
      action: cmd.run
      args:
        cmd: date
# the end
"""


def test_a_messy_document() -> None:
    assert format_text(MESSY) == TIDY
    assert format_text(TIDY) == TIDY


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.stem)
def test_it_says_the_same_and_settles(path: Path) -> None:
    text = path.read_bytes().decode()
    once = format_text(text)
    assert format_text(once) == once
    before, after = loads(text, actions=ACTIONS), loads(once, actions=ACTIONS)
    assert after.digest == before.digest
    assert sorted(text.split()) == sorted(once.split())


@pytest.mark.parametrize("case", bad_cases(), ids=str)
def test_wrong_documents_are_refused_or_keep_their_words(case: object) -> None:
    text = case.document  # type: ignore[attr-defined]
    try:
        once = format_text(text)
    except InvalidWorkflow:
        return
    assert format_text(once) == once
    words = [word.replace("with:", "args:") for word in text.split()]
    assert sorted(words) == sorted(word.replace("with:", "args:") for word in once.split())


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=100))
def test_any_text_is_formatted_or_refused(text: str) -> None:
    try:
        once = format_text(text)
    except InvalidWorkflow:
        return
    assert format_text(once) == once


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ("name: x\r\nversion: v0.1\r\n", "version: v0.1\nname: x\n"),
        ("---\nname: x\nversion: v0.1\n...\n", "---\nversion: v0.1\nname: x\n...\n"),
        ("{name: x, version: v0.1}\n", "{name: x, version: v0.1}\n"),
        ("name: &n x\nversion: v0.1\nid: *n\n", "version: v0.1\nname: &n x\nid: *n\n"),
        ("version: v0.1  \n\n\n\nname: x\n\n", "version: v0.1\n\nname: x\n"),
        (
            "vars:\n  B: |+\n    x\n\n\nversion: v0.1\n",
            "version: v0.1\nvars:\n  B: |+\n    x\n\n\n",
        ),
        ("description: 'a\n\n  b'\nname: x\n", "name: x\ndescription: 'a\n\n  b'\n"),
    ],
)
def test_small_ones(text: str, formatted: str) -> None:
    assert format_text(text) == formatted
    assert format_text(formatted) == formatted


def test_an_anchor_is_not_moved_behind_its_alias() -> None:
    text = "vars: &v {A: 1}\nname: x\nversion: v0.1\ndefaults: {vars: *v}\n"
    assert format_text(text).index("&v") < format_text(text).index("*v")
    back = "defaults: &d {timeout: 5m}\ninventory: *d\n"
    assert format_text(back) == back


def test_what_is_no_yaml_is_refused() -> None:
    with pytest.raises(InvalidWorkflow, match="duplicated"):
        format_text("a: 1\na: 2\n")
    with pytest.raises(InvalidWorkflow, match="empty"):
        format_text("")
