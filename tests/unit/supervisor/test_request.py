"""Requests to start are checked before anything is done."""

from __future__ import annotations

from typing import Any

import pytest

from runyard.supervisor.cgroup import Cgroup
from runyard.supervisor.refusal import Refusal
from runyard.supervisor.request import CAPTURE, OUTPUT_LIMIT, Request

GOOD: dict[str, Any] = {"attempt": "a", "argv": ["true"], "spool": "/s", "exits": "/e"}


def test_defaults() -> None:
    request = Request(GOOD, "/home/me")
    assert (request.cwd, request.timeout, request.capture) == ("/home/me", None, CAPTURE)
    assert request.limits == {"output": OUTPUT_LIMIT}
    assert (request.stdin, request.pty, request.secrets) == (False, None, None)
    start = request.start({"A": "1", "B": "2"}, None)
    assert (start.argv, start.wrapper, start.env) == (["true"], [], {"A": "1", "B": "2"})


def test_limits_are_wrapped_around_the_program() -> None:
    request = Request({**GOOD, "limits": {"open_files": 9, "memory": 5}, "env": {"B": "3"}}, "/")
    start = request.start({"A": "1", "B": "2"}, Cgroup(["/g"], ["memory"]))
    assert start.env == {"A": "1", "B": "3"}
    text = start.wrapper[2]
    assert "ulimit -n 9" in text and "/g/cgroup.procs" in text and text.endswith('exec "$@"')


@pytest.mark.parametrize(
    "change",
    [
        {"argv": []},
        {"argv": None},
        {"argv": [1]},
        {"argv": "true", "attempt": 1},
        {"attempt": ""},
        {"spool": None},
        {"env": {"A": 1}},
        {"env": ["A"]},
        {"cwd": 3},
        {"pty": [1]},
        {"pty": "wide"},
        {"timeout": "soon"},
        {"limits": {"memory": "much"}},
        {"limits": 5},
        {"capture": []},
        {"secrets": {"A": 5}},
        {"output_path": 5},
    ],
)
def test_bad_ones(change: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError, IndexError)):
        Request({**GOOD, **change}, "/")


def test_short_secrets() -> None:
    with pytest.raises(Refusal) as caught:
        Request({**GOOD, "secrets": {"A": "short"}}, "/")
    assert caught.value.code == "SECRET_SHORT"
