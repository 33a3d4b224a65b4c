from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.agent.order import BadRequest, Order, folded, folder_of
from runyard.model.ids import RUN_ID

STEP = {"name": "s", "action": "cmd.run", "args": {"Cmd": "x", "run_id": 1}}


def order(**task: Any) -> Order:
    return Order.read({"task": {"ID": "t", "Step": STEP, **task}})


def test_keys_are_read_in_any_case_and_contents_are_kept() -> None:
    made = Order.read(
        {"TASK": {"iD": "t", "run_ID": "r", "sTEP": STEP, "VARS": {"Some_Key": 1}, "host": None}}
    )
    assert (made.task_id, made.run_id, made.host) == ("t", "r", "local")
    assert made.args == {"Cmd": "x", "run_id": 1}
    assert made.vars == {"Some_Key": 1}


def test_what_a_step_may_have_besides() -> None:
    step = {
        **STEP,
        "Timeout": "1m",
        "grace": 2,
        "env": {"A": "b"},
        "limits": {"cpuTime": "1m", "memory": "1k", "open_files": 5},
        "resolved": True,
        "targets": ["web"],
        "when": "x",
    }
    made = order(Step=step, secrets={"N": "secret"})
    assert (made.timeout, made.grace, made.env, made.resolved) == (60, 2, {"A": "b"}, True)
    assert made.limits == {"cpu_time": 60, "memory": 1024, "open_files": 5}
    assert "secret" not in repr(made)
    assert Order.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_nothing_given_is_nothing() -> None:
    made = order(Step={"action": "cmd.run", "args": None, "timeout": "", "env": None})
    assert (made.step, made.args, made.timeout, made.grace) == ("step", {}, None, 10)
    assert order(ID="").task_id != order(ID=None).task_id


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([], "the request is a list"),
        ({}, "task is missing"),
        ({"task": 1}, "task is a number"),
        ({"task": {"ID": "x"}}, "task.Step is missing"),
        ({"task": {"Step": {"action": ""}}}, "task.Step.action is missing"),
        ({"task": {"Step": {"action": ["x"]}}}, "task.Step.action is a list"),
        ({"task": {"ID": True, "Step": STEP}}, "task.ID is a boolean"),
        ({"task": {"Step": STEP, "Vars": "x"}}, "task.Vars is a string"),
        ({"task": {"Step": STEP, "Host": "x"}}, "task.Host is a string"),
        ({"task": {"Step": {**STEP, "args": "x"}}}, "task.Step.args is a string"),
        ({"task": {"Step": {**STEP, "timeout": "soon"}}}, "task.Step.timeout"),
        ({"task": {"Step": {**STEP, "timeout": -1}}}, "task.Step.timeout"),
        ({"task": {"Step": {**STEP, "grace": []}}}, "task.Step.grace"),
        ({"task": {"Step": {**STEP, "env": {"A": 1}}}}, "task.Step.env.A"),
        ({"task": {"Step": {**STEP, "env": {"A=B": "x"}}}}, "'A=B' is no name of a variable"),
        ({"task": {"Step": {**STEP, "limits": {"moon": 1}}}}, "task.Step.limits.moon"),
        ({"task": {"Step": {**STEP, "limits": {"memory": "x"}}}}, "task.Step.limits.memory"),
        ({"task": {"Step": STEP, "secrets": {"A": None}}}, "task.secrets.A"),
        ({"task": {"Step": STEP, "ID": "a\nb"}}, "task.ID"),
        ({"task": {"Step": STEP, "RunID": "x" * 1025}}, "task.RunID"),
        ({"task": {"Step": STEP, "Host": {"Name": "\ud800"}}}, "task.Host.Name"),
    ],
)
def test_orders_that_are_none(body: Any, told: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(told)):
        Order.read(body)


@given(st.text(max_size=60), st.text(max_size=60))
def test_folders_belong_to_one_task_and_stay_where_they_are(one: str, other: str) -> None:
    name = folder_of(one)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,60}", name)
    assert (folder_of(other) == name) == (one == other)


@given(st.text(max_size=200).filter(lambda text: text.isprintable()))
def test_every_run_has_an_id_of_our_form(run_id: str) -> None:
    made = order(RunID=run_id)
    assert RUN_ID.fullmatch(made.run_key)
    assert made.run_id == run_id
    if RUN_ID.fullmatch(run_id):
        assert made.run_key == run_id


def test_folding() -> None:
    assert folded({"RunID": 1, "task_id": 2}) == {"runid": 1, "taskid": 2}
