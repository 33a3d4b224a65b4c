"""An agent that finds records in its state directory that make no sense."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.integration.agent_process import agent
from tests.integration.test_agent_daemon_door import door

ODD = f"run-odd-{os.getpid()}"
LINES = (
    {"attempt": 7},
    {"attempt": f"{ODD}/s/h/1", "mark": "x", "at": "then", "pid": []},
    {"attempt": f"{ODD}/t/h/1"},
)


@pytest.mark.parametrize("file", ["starts.jsonl", "exits.jsonl"])
def test_odd_records_of_one_run_close_no_other_door(tmp_path: Path, file: str) -> None:
    folder = tmp_path / "state" / "runs" / ODD / "output"
    folder.mkdir(parents=True)
    text = "".join(json.dumps(line) + "\n" for line in LINES)
    (folder / file).write_text(f"{text}[]\n7\n{{\n")
    with agent(tmp_path / "state") as one:
        with door(one) as d:
            assert d.call(**d.shell("echo here"))["exit"]["stdout"] == "here\n"
        assert one.run("t", "echo too")["result"]["output"]["stdout"] == "too\n"
        status, answer = one.ask("GET", "/run-status", run_id=ODD)
        assert status == 200, answer
    assert "Traceback" not in "".join(one.said)
