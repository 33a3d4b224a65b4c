"""What other systems write between double braces, and what only looks like it."""

from __future__ import annotations

import pytest

from runyard.workflow.foreign import find_braces, find_call, write_reference


@pytest.mark.parametrize(
    ("inner", "fix"),
    [
        (" A ", "write ${A}"),
        ("env.A", "write ${A}"),
        ("secrets.TOKEN", "write ${secret:TOKEN}"),
        ("matrix.os", "write ${matrix.os}"),
        (" A | default('b') ", "write ${A}"),
        ("a == b", "write ${NAME} for a variable"),
    ],
)
def test_references_of_other_systems(inner: str, fix: str) -> None:
    assert write_reference(inner) == fix


@pytest.mark.parametrize(
    "text",
    ["", "${A}", "$${{ A }}", "{{.Name}}", "{{if .X}}{{.Y}}{{else}}{{end}}", "{{json .}}", "{{A"],
)
def test_what_is_no_reference_of_theirs(text: str) -> None:
    assert find_braces(text) is None


def test_where_it_stands() -> None:
    dollar = find_braces("echo ${{ A }}")
    assert dollar is not None and (dollar.offset, dollar.dollar) == (5, True)
    bare = find_braces("{{.X}} {{ A }}")
    assert bare is not None and (bare.offset, bare.dollar) == (7, False)


def test_functions_of_conditions() -> None:
    assert find_call("x always ()", 0) is None
    found = find_call("x always ()", 2)
    assert found is not None and "finally:" in found.fix
