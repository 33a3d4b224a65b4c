"""Whatever stands in a file: an inventory, or an error that a user can be told."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.hosts.inventory import Inventory
from runyard.inventory.draft import Draft
from runyard.inventory.finish import finish, raise_for
from runyard.inventory.ini import read_ini
from runyard.inventory.listing import read_listing
from runyard.inventory.read import read_text
from runyard.inventory.settle import settle
from runyard.model.errors import RunyardError
from runyard.workflow.lower import digest_of
from runyard.workflow.source import Source

WORDS = st.sampled_from(
    ["web", "db1", "[web]", "[web:vars]", "[db:children]", "[all:vars]", "web[1:3]", "a=1",
     "x='y z'", "ansible_host=10.0.0.1", "ansible_port=22", "ansible_user={{ a }}",
     "ansible_connection=local", "=", "#", ";", "[", "]", ":", "all", "ungrouped",
     "2001:db8::1", "\\", '"', "é", "\x1b", "\t"]
)  # fmt: skip
LINES = st.lists(st.lists(WORDS, max_size=4).map(" ".join), max_size=12).map("\n".join)
NAMES = st.sampled_from(
    ["all", "web", "db", "hosts", "children", "vars", "groups", "_meta", "hostvars", "address",
     "ansible_host", "h1", "h[1:2]", "ansible_group_priority", "plugin"]
)  # fmt: skip
DATA = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 99999), NAMES, st.text(max_size=5)),
    lambda inner: st.one_of(st.dictionaries(NAMES, inner, max_size=4), st.lists(inner, max_size=3)),
    max_leaves=20,
)


def finished(draft: Draft) -> None:
    settle(draft, "f")
    found = finish(draft)
    data = found.to_dict()
    again = Inventory.from_dict(json.loads(json.dumps(data)))
    assert digest_of(again.to_dict()) == digest_of(data)
    assert list(again.hosts) == list(found.hosts)
    assert {n: h.groups for n, h in again.hosts.items()} == {
        n: h.groups for n, h in found.hosts.items()
    }


@given(st.one_of(LINES, st.text(max_size=60)))
@settings(max_examples=300, deadline=None)
def test_ini(text: str) -> None:
    draft = Draft()
    with suppress(RunyardError):
        raise_for([read_ini(Source("f", text), draft)])
        finished(draft)


@given(st.dictionaries(NAMES, DATA, max_size=5))
@settings(max_examples=300, deadline=None)
def test_yaml_and_json(data: dict[str, Any]) -> None:
    draft = Draft()
    with suppress(RunyardError):
        report = read_text(Source("f", json.dumps(data, indent=1)), draft)
        raise_for([report] if report is not None else [])
        finished(draft)


@given(st.dictionaries(NAMES, DATA, max_size=5))
@settings(max_examples=200, deadline=None)
def test_printed_lists(data: dict[str, Any]) -> None:
    draft = Draft()
    with suppress(RunyardError):
        read_listing(data, "f", draft)
        finished(draft)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_yaml(text: str) -> None:
    draft = Draft()
    with suppress(RunyardError):
        report = read_text(Source("f", text), draft)
        raise_for([report] if report is not None else [])
        finished(draft)


def test_the_deepest_yaml_is_refused_and_not_a_crash(tmp_path: Path) -> None:
    draft = Draft()
    report = read_text(Source("f", "a: " + "{children: {b: " * 200 + "}}" * 200), draft)
    assert report is not None
    assert report.errors
    with pytest.raises(RunyardError):
        raise_for([report])
