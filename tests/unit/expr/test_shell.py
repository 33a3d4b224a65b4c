"""Values reach a real shell verbatim, whatever they hold and wherever the reference stands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runyard.expr.quoting import find_references
from runyard.expr.shell import bind_shell
from runyard.expr.variables import Variables
from runyard.hosts.inventory import Inventory
from runyard.model.errors import ArgumentError

PIECES = (
    "'",
    '"',
    "`",
    "$(touch x)",
    "${A}",
    "\\",
    "\n",
    ";",
    "&",
    "|",
    "<",
    ">",
    "*",
    "#",
    " ",
    "a",
)
evil = st.lists(
    st.sampled_from(PIECES) | st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=8,
).map("".join)
PLACES = (
    'printf %s "${item.x}"',
    "printf %s '${item.x}'",
    'x=${item.x}; printf %s "$x"',
    """printf %s "$(printf %s '${item.x}'; printf .)" | sed '$s/.$//'""",
    "printf %s 'it'\"'\"'s '\"${item.x}\" | cut -c6-",
    "printf '%s' '${item.x}' # don't",
)
DOCUMENTS = ("cat <<EOF\n${item.x}\nEOF\n", "cat <<'EOF'\n${item.x}\nEOF\n")


def run(text: str, value: str, folder: Path) -> bytes:
    scope = Variables(Inventory.local()).scope("local", item={"item": {"x": value}})
    bound, added = bind_shell(text, scope)
    env = {"PATH": "/usr/bin:/bin", "A": "expanded", "LC_ALL": "C.UTF-8", **added}
    done = subprocess.run(["sh", "-c", bound], env=env, cwd=folder, capture_output=True)
    assert done.stderr == b""
    assert list(folder.iterdir()) == []
    return done.stdout


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=evil, text=st.sampled_from((*PLACES[:3], PLACES[5], *DOCUMENTS)))
def test_values_arrive_verbatim(value: str, text: str, tmp_path: Path) -> None:
    end = "\n" if text in DOCUMENTS else ""
    assert run(text, value, tmp_path) == (value + end).encode()


@pytest.mark.parametrize("text", PLACES)
def test_every_place(text: str, tmp_path: Path) -> None:
    value = "a'b\"`touch x`$(touch x)${A}\\*"
    assert run(text, value, tmp_path).rstrip(b"\n") == value.encode()


@settings(deadline=None)
@given(st.text(alphabet="'\"`$(){}\\#<\n |;EOF${item.x}${secret:T}-&", max_size=60))
def test_any_shell_text_is_bound_or_refused(text: str) -> None:
    variables = Variables(Inventory.local(), secrets={"T": "hunter22"})
    scope = variables.scope("local", item={"item": {"x": "a value of mine"}})
    try:
        bound, added = bind_shell(text, scope)
    except ArgumentError:
        return
    assert "a value of mine" not in bound
    assert "hunter22" not in bound
    assert all(name.startswith("RUNYARD_V_") for name in added)


def test_text_without_references_stays_the_same_object() -> None:
    scope = Variables(Inventory.local()).scope("local")
    text = 'echo "${X}" ${X:-d} ${#X} ${X%%.*} ${arr[@]} $$ ${!X}'
    bound, added = bind_shell(text, scope)
    assert bound is text
    assert added == {}


def test_one_reference_has_one_name_in_all_texts_of_a_step() -> None:
    scope = Variables(Inventory.local()).scope(
        "local", item={"item": {"a-b": "1", "a_b": "2", "x": "3"}}
    )
    _, first = bind_shell("${item.a-b} ${item.a_b} ${item.x}", scope)
    _, second = bind_shell("${item.x} ${item.a-b}", scope)
    assert len(first) == 3
    assert set(second) < set(first)
    assert {**first, **second} == first


def test_too_long_for_an_environment_is_said() -> None:
    scope = Variables(Inventory.local()).scope("local", item={"item": {"x": "v" * 200_000}})
    with pytest.raises(ArgumentError, match="too long for an environment"):
        bind_shell('echo "${item.x}"', scope)


def test_quoting_of_references() -> None:
    text = "a ${i.a} '${i.b}' \"${i.c}\" $'${i.d}' # '${i.e}\n`'${i.f}'` $(\"${i.g}\" '${i.h}')"
    modes = [(found.match["path"], found.mode) for found in find_references(text)]
    assert modes == [
        ("i.a", "expanded"),
        ("i.b", "single"),
        ("i.c", "expanded"),
        ("i.d", "ansi"),
        ("i.f", "single"),
        ("i.g", "expanded"),
        ("i.h", "single"),
    ]


@pytest.mark.parametrize(
    ("text", "interpreter", "program"),
    [
        ("print('${item.x}')", "python3 -u", "python3"),
        ("print('${secret:T}')", "/usr/bin/python3.12", "python3.12"),
        ("#!/usr/bin/env -S node --use-strict\n`${item.x}`", "", "node"),
    ],
)
def test_scripts_of_other_languages_get_a_fix(text: str, interpreter: str, program: str) -> None:
    scope = Variables(Inventory.local()).scope("local", item={"item": {"x": 1}})
    with pytest.raises(ArgumentError) as caught:
        bind_shell(text, scope, "script", interpreter)
    assert f"cannot be expanded in a script for {program}" in caught.value.message
    assert "add env: {NAME: ${" in caught.value.hint


def test_scripts_of_other_languages_are_left_alone() -> None:
    scope = Variables(Inventory.local()).scope("local", item={"item": {"x": 1}})
    text = "#!/usr/bin/env node\nconsole.log(`${user.name} $${item.x} ${X}`)"
    bound, added = bind_shell(text, scope)
    assert bound == text.replace("$${item.x}", "${item.x}")
    assert added == {}


@pytest.mark.parametrize("interpreter", ["bash -eu", "/bin/dash", "env -i FOO=1 zsh", ""])
def test_shells_are_known_by_name(interpreter: str) -> None:
    scope = Variables(Inventory.local()).scope("local", item={"item": {"x": 1}})
    _, added = bind_shell("#!/bin/sh\necho ${item.x}", scope, "", interpreter)
    assert list(added.values()) == ["1"]
