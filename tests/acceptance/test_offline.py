"""Hosts that are not there: what is said on the command line, of hosts, and of all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Run

WORKFLOW = """
version: v0.1
name: w
inventory:
  hosts:
    here: {{}}
    gone: {{address: "{address}"{more}}}
steps:
  - {{name: one, action: cmd.run, args: {{cmd: echo one}}}}
  - {{name: two, action: cmd.run, args: {{cmd: echo two}}}}
"""


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens, for the whole test."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def write(folder: Path, address: str, more: str = "") -> Path:
    path = folder / "w.yaml"
    path.write_text(WORKFLOW.format(address=address, more=more))
    return path


def test_the_command_line_says_it_for_the_workflow(
    tmp_path: Path, program: Run, nobody: str
) -> None:
    file = write(tmp_path, nobody)
    failed = program("run", file)
    assert (failed.returncode, "[2/2] two" in failed.stdout) == (1, False)
    assert "--offline skip" in failed.stdout
    resumed = program("resume", "last", "--offline", "skip")
    assert (resumed.returncode, "here | two" in resumed.stdout) == (0, True)
    skipped = program("run", file, "--offline", "skip")
    assert (skipped.returncode, "here | two" in skipped.stdout) == (0, True)
    waited = program("run", file, "--offline", "wait:200ms")
    assert (waited.returncode, "gone did not come within 0.20s" in waited.stdout) == (1, True)


def test_what_was_said_at_the_start_holds_for_a_resume(
    tmp_path: Path, program: Run, nobody: str
) -> None:
    program("run", write(tmp_path, nobody), "--offline", "wait:200ms")
    assert "did not come within 0.20s" in program("resume", "last").stdout


def test_what_a_host_says_is_stronger(tmp_path: Path, program: Run, nobody: str) -> None:
    file = write(tmp_path, nobody, ", offline: skip")
    done = program("run", file, "--offline", "fail")
    assert (done.returncode, "gone = skipped" in done.stdout) == (0, True)


def test_a_command_on_hosts(program: Run, nobody: str) -> None:
    done = program("exec", "--offline", "skip", "-i", f"{nobody},local,", "all", "--", "echo in")
    assert (done.returncode, "| in" in done.stdout) == (0, True)


@pytest.mark.parametrize("word", ["sleep", "skip:3s", "wait:", "wait:soon", ""])
def test_what_is_no_policy(tmp_path: Path, program: Run, nobody: str, word: str) -> None:
    refused = program("run", write(tmp_path, nobody), "--offline", word)
    assert (refused.returncode, "wait:10m" in refused.stderr) == (2, True)


def test_what_a_host_says_is_checked(tmp_path: Path, program: Run, nobody: str) -> None:
    refused = program("validate", write(tmp_path, nobody, ", offline: {deadline: soon}"))
    assert (refused.returncode, "w.yaml:7:" in refused.stdout + refused.stderr) == (2, True)
