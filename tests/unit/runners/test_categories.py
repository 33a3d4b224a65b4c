"""Any text as parameters of a category is understood or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.model.errors import ArgumentError
from runyard.runners.action_runner import Parse
from runyard.runners.categories import parse_command, parse_docker, parse_http, parse_script

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["args", "path", "script_path", "command", "x"]), inner)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("parse", [parse_command, parse_docker, parse_http, parse_script])
@given(command=st.text(max_size=5), args=st.text() | _JSON.map(json.dumps))
def test_any_parameters(parse: Parse, command: str, args: str) -> None:
    try:
        assert isinstance(parse(command, args), dict)
    except ArgumentError as error:
        assert error.message  # noqa: PT017 - both ways are right


def test_a_command_beside_an_object() -> None:
    assert parse_script("/x.sh", '{"script_path": "/y.sh"}') == {"path": "/y.sh"}
    assert parse_script("/x.sh", "") == {"path": "/x.sh"}
    assert parse_script("/x.sh", '{"script": "ls"}') == {"script": "ls"}
    assert parse_http("http://a/", '{"url": "http://b/"}') == {"url": "http://b/"}
    assert parse_docker("ls", '{"image": "i", "args": "[1]"}') == {
        "image": "i",
        "args": [1],
        "command": "ls",
    }
    assert parse_docker("ls", '{"image": "i", "command": "id"}') == {"image": "i", "command": "id"}
    assert parse_command("ls", "") == {"command": "ls", "args": []}
