"""cmd.run, shell.run and env.set with real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.model.errors import ArgumentError
from runyard.model.limits import Limits
from runyard.model.status import Status
from runyard.runners.actions.cmd import CmdRun
from runyard.runners.actions.env import EnvSet
from runyard.runners.actions.shell import ShellRun
from tests.unit.runners.fake import FakeConnector, do


def test_cmd_line_goes_through_the_shell() -> None:
    outcome = do(CmdRun(), {"cmd": "echo one; echo $((1 + 1)) >&2"})
    assert (outcome.status, outcome.stdout, outcome.stderr) == (Status.SUCCESS, "one\n", "2\n")
    assert outcome.logged and outcome.changed and outcome.exit_code == 0


def test_cmd_list_runs_without_a_shell() -> None:
    assert do(CmdRun(), {"cmd": ["echo", "$HOME; ls", 7]}).stdout == "$HOME; ls 7\n"


def test_environment_order_and_json_values() -> None:
    outcome = do(
        CmdRun(),
        {"cmd": 'echo "$A $B $C $D"', "env": {"B": "args", "C": True, "D": {"k": [1]}}},
        env={"A": "scope", "B": "scope"},
    )
    assert outcome.stdout == 'scope args true {"k": [1]}\n'


def test_everything_reaches_the_exec(tmp_path: Path) -> None:
    way = FakeConnector()
    limits = Limits(memory=1 << 20)
    do(
        CmdRun(),
        {
            "cmd": "pwd",
            "dir": str(tmp_path),
            "max_output_bytes": "2k",
            "output_path": "/tmp/out",
            "export_vars": "yes",
        },
        way,
        secrets={"S": "hunter2!"},
        timeout=5.0,
        grace=1.5,
        limits=limits,
    )
    seen = way.seen[0]
    assert seen.attempt == "run-00000001/step/here/1"
    assert (seen.cwd, seen.capture, seen.output_path) == (str(tmp_path), 2048, "/tmp/out")
    assert (seen.exports, seen.secrets, seen.timeout) == (True, {"S": "hunter2!"}, 5.0)
    assert (seen.grace, seen.limits) == (1.5, limits)


@pytest.mark.parametrize("shell", ["/bin/sh", "bash", "bash -eu"])
def test_script_that_reads_stdin_does_not_eat_itself(shell: str) -> None:
    outcome = do(ShellRun(), {"script": "cat\necho after\nread x\necho end", "shell": shell})
    assert outcome.stdout.startswith("after\n")
    if shell != "bash -eu":
        assert outcome.stdout == "after\nend\n"


def test_a_script_larger_than_an_argument_may_be() -> None:
    script = "true\n" * 100_000 + "echo done"
    assert do(ShellRun(), {"script": script}).stdout == "done\n"


def test_a_scripts_environment_may_hide_cat() -> None:
    assert do(ShellRun(), {"script": "echo $PATH", "env": {"PATH": "/nowhere"}}).stdout == (
        "/nowhere\n"
    )


def test_a_script_keeps_its_exit_code_and_heredocs() -> None:
    outcome = do(
        ShellRun(), {"script": "while read l; do echo \"<$l>\"; done <<'X'\na$b\nX\nexit 7"}
    )
    assert (outcome.stdout, outcome.exit_code, outcome.status) == ("<a$b>\n", 7, Status.FAILED)


def test_a_shell_that_is_none_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        do(ShellRun(), {"script": "1", "shell": "python3"})
    assert "script.run" in caught.value.hint


def test_env_set_keeps_types() -> None:
    outcome = do(EnvSet(), {"env": {"A": "x", "N": 3, "L": [1, 2]}})
    assert outcome.env == {"A": "x", "N": 3, "L": [1, 2]}
    assert not outcome.changed and not outcome.exports


def test_a_program_that_is_not_there() -> None:
    outcome = do(CmdRun(), {"cmd": ["no-such-program-xyz"]})
    assert outcome.status is Status.ERROR and not outcome.changed
    assert outcome.error is not None and outcome.error["code"] == "NOT_STARTED"
