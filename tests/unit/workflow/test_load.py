"""load and loads: a Workflow, or InvalidWorkflow with everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runyard.runners.registry import ActionRegistry
from runyard.workflow.codes import CODES
from runyard.workflow.document import InvalidWorkflow, Workflow
from runyard.workflow.load import load, loads

ACTIONS = ActionRegistry()
HELLO = "version: v0.1\nname: hello\nsteps:\n  - name: one\n    action: cmd.run\n"
ARGS = "    args: {cmd: date}\n"


def outcome(text: str | bytes) -> Workflow | InvalidWorkflow:
    try:
        return loads(text, path="f", actions=ACTIONS)
    except InvalidWorkflow as error:
        refused = error
    assert refused.diagnostics
    assert refused.render(color=True)
    for found in refused.diagnostics:
        assert found.code in CODES
        assert found.render()
    return refused


@settings(deadline=None)
@given(st.binary(max_size=300))
@example(b"\xff\xfe\x00\xd8")
def test_any_bytes_give_a_workflow_or_diagnostics(data: bytes) -> None:
    outcome(data)


@settings(deadline=None)
@given(st.text(max_size=300))
@example("\ud800")
@example("a: \ufeffb")
def test_any_text_gives_a_workflow_or_diagnostics(text: str) -> None:
    outcome(text)


# fmt: off
PIECES = [
    "version: v0.1\n", "name: ", "steps:\n", "  - ", "    ", "action: cmd.run\n", "args:", "when:",
    "${A}", " == ", '"', "'", "[", "]", "{", "}", ",", ": ", "\n", "|\n", ">-\n", "&a ", "*a",
    "<<: ", "!!int ", "!x ", "# c\n", "---\n", "loop: ", "matrix: ", "depends_on: [a]\n", "?", "- ",
    "inventory:\n", "hosts: ", "modules:\n", "tasks:\n", "\t", "retries: 3\n", "1", "null", "true",
    "a", "timeout: 5m\n", "targets: [a]\n", "\x85", "\r", "é", "\x00", "\x07",
]
# fmt: on
YAMLISH = st.lists(st.sampled_from(PIECES), max_size=40)


@settings(deadline=None, max_examples=300)
@given(YAMLISH)
def test_anything_like_yaml_gives_a_workflow_or_diagnostics(pieces: list[str]) -> None:
    outcome("".join(pieces))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["cmd.run", "a", "5m", "${A}", "10%", "approval.wait"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["name", "action", "args", "cmd", "hosts", "steps", "tasks", "on"]),
        inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip
STEP_KEYS = ["name", "action", "args", "with", "when", "loop", "matrix", "depends_on", "retries",
             "timeout", "notify", "check", "rollback", "fallback", "approval", "serial", "cache",
             "limits", "offline", "targets", "become", "id", "expect_vars", "tags"]  # fmt: skip
TOP_KEYS = ["version", "name", "inventory", "vars", "defaults", "steps", "modules", "handlers",
            "finally", "plan", "offline", "on_failure", "description"]  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(st.sampled_from(TOP_KEYS), VALUES),
    st.lists(st.dictionaries(st.sampled_from(STEP_KEYS), VALUES), max_size=3),
)
def test_any_values_under_known_keys(
    document: dict[str, object], steps: list[dict[str, object]]
) -> None:
    outcome(json.dumps({**document, "steps": steps}))
    outcome(json.dumps({**document, "modules": [{"name": "m", "tasks": [{"steps": steps}]}]}))


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "hello.yaml"
    path.write_text(HELLO + ARGS)
    workflow = load(path, actions=ACTIONS)
    assert (workflow.name, workflow.path, workflow.text) == ("hello", str(path), HELLO + ARGS)
    assert workflow.pipeline.modules[0].tasks[0].steps[0].place == f"{path}:4:5"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("default", "step", "expected"),
    [
        ("", "", None),
        ("", "become: true", "root"),
        ("", "become: false", ""),
        ("become: app", "", "app"),
        ("become: app", "become: false", ""),
        ("become: false", "become: app", "app"),
    ],
)
def test_whom_a_step_acts_as(default: str, step: str, expected: str | None) -> None:
    text = f"{HELLO}{ARGS}    {step}\ndefaults: {{{default}}}\n"
    steps = list(loads(text, actions=ACTIONS).pipeline.steps())
    assert steps[0].policy.become == expected  # None: as the host says


def test_how_long_a_step_may_clean_up() -> None:
    text = f"{HELLO}{ARGS}    grace: 1m\n"
    assert next(iter(loads(text, actions=ACTIONS).pipeline.steps())).policy.grace == 60.0
    text = f"{HELLO}{ARGS}defaults: {{grace: 5s}}\n"
    assert next(iter(loads(text, actions=ACTIONS).pipeline.steps())).policy.grace == 5.0


def test_a_missing_file_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(InvalidWorkflow) as caught:
        load(tmp_path / "no.yaml", actions=ACTIONS)
    assert caught.value.exit_code == 2
    assert [d.code for d in caught.value.diagnostics] == ["WF001"]


def test_the_message_tells_the_first_error_and_how_many_more() -> None:
    error = outcome("version: v0.1\nname: x\nsteps:\n  - {nmae: a}\n")
    assert isinstance(error, InvalidWorkflow)
    assert error.message == "f:4:5: steps[0] name is required (and 2 more)"
    assert error.render().splitlines()[-1] == "3 errors"


def test_lenient_reading_makes_unknown_names_warnings() -> None:
    text = HELLO + "    args: {cmd: date, colour: red}\n    colour: red\n"
    assert [d.code for d in outcome(text).diagnostics] == ["WF033", "WF012"]  # type: ignore[union-attr]
    workflow = loads(text, actions=ACTIONS, strict=False)
    assert [(d.code, d.severity) for d in workflow.warnings] == [
        ("WF033", "warning"),
        ("WF012", "warning"),
    ]


def test_the_digest_is_of_what_is_said_not_of_how() -> None:
    plain = loads(HELLO + ARGS, actions=ACTIONS).digest
    moved = "# note\nname: 'hello'\nversion: v0.1\n" + HELLO.split("\n", 2)[2]
    assert loads(moved + "    args:\n      cmd: date\n", actions=ACTIONS).digest == plain
    assert loads(HELLO + "    args: {cmd: dat}\n", actions=ACTIONS).digest != plain


def test_secrets_are_collected_wherever_they_stand() -> None:
    text = HELLO + (
        "    args:\n      cmd: echo ${secret:B} ${secret:A}\n      env: {T: '${secret:C.d}'}\n"
        "vars: {X: 'x ${secret:B}'}\n"
    )
    assert loads(text, actions=ACTIONS).secrets == ("A", "B", "C.d")


def test_many_diagnostics_are_bounded() -> None:
    error = outcome("version: v0.1\nname: x\nsteps:\n" + "  - a\n" * 5000)
    assert isinstance(error, InvalidWorkflow)
    assert len(error.diagnostics) == 1001
    assert error.diagnostics[-1].code == "WF099"


def test_ten_thousand_steps() -> None:
    steps = "".join(
        f"  - {{name: s{n}, action: cmd.run, args: {{cmd: a}}, depends_on: [s{max(0, n - 1)}]}}\n"
        for n in range(1, 10_001)
    )
    text = "version: v0.1\nname: x\nsteps:\n  - {name: s0, action: cmd.run, args: {cmd: a}}\n"
    assert len(loads(text + steps, actions=ACTIONS).pipeline.modules[0].tasks) == 10_001


def test_instances_are_bounded_over_the_whole_document() -> None:
    axis = "[" + ", ".join(["1"] * 100) + "]"
    steps = "".join(
        f"  - {{name: s{n}, action: cmd.run, args: {{cmd: a}}, matrix: {{x: *x, y: *x}}}}\n"
        for n in range(11)
    )
    error = outcome(f"version: v0.1\nname: x\nvars: {{X: &x {axis}}}\nsteps:\n{steps}")
    assert isinstance(error, InvalidWorkflow)
    assert error.message == "f:1:1: the document has 110,000 instances of steps; at most 100,000"
