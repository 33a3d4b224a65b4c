"""The installed program: listing, showing, following, and everything that is not a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.acceptance.test_cli_run import Background, background, until_line, write
from tests.conftest import PROGRAM, Run

__all__ = ["background"]

TALKS = """
inventory: {hosts: {a: {}, b: {}}}
steps:
  - {name: one, action: cmd.run, args: {cmd: "echo out-one; echo err-one >&2"}}
  - {name: two, action: cmd.run, args: {cmd: "printf 'out-two \\\\377 end'"}}
"""


@pytest.fixture
def ran(tmp_path: Path, program: Run) -> Run:
    done = program("run", write(tmp_path, TALKS), "--run-id", "talk-0001")
    assert done.returncode == 0, done.stdout + done.stderr
    return program


def test_lists_in_every_format(ran: Run) -> None:
    table = ran("runs").stdout.splitlines()
    assert table[0].split() == ["RUN", "STATUS", "STARTED", "TIME", "WORKFLOW", "MESSAGE"]
    assert table[1].startswith("talk-0001  success  ")
    as_json = json.loads(ran("runs", "-o", "json").stdout)
    as_yaml = yaml.safe_load(ran("runs", "-o", "yaml").stdout)
    assert as_json == as_yaml
    assert as_json[0]["run_id"] == "talk-0001"
    assert ran("runs", "--status", "failed", "-o", "json").stdout == "[]\n"
    assert ran("runs", "--workflow", "other", "-o", "json").stdout == "[]\n"


def test_show_by_beginning_and_by_last(ran: Run) -> None:
    for word in ("talk-0001", "talk", "last"):
        text = ran("show", word).stdout
        assert "run       talk-0001" in text
        assert "one   a     success (changed)" in text
    data = json.loads(ran("show", "last", "-o", "json").stdout)
    assert data["steps"][0]["hosts"]["a"]["output"]["stdout"] == "out-one\n"
    assert yaml.safe_load(ran("show", "last", "-o", "yaml").stdout) == data


def test_logs_are_filtered(ran: Run) -> None:
    everything = ran("logs", "last").stdout
    assert everything.count("out-one") == 2
    assert everything.count("! err-one") == 2
    assert ran("logs", "last", "--step", "one", "--host", "a").stdout == (
        "── one\na | out-one\na ! err-one\n"
    )
    assert ran("logs", "last", "--stream", "stderr", "--host", "b").stdout == (
        "── one\nb ! err-one\n"
    )
    timed = ran("logs", "last", "--step", "one", "--host", "a", "-t").stdout.splitlines()[1]
    assert timed.endswith("Z a | out-one")
    missing = ran("logs", "last", "--step", "oen")
    assert missing.returncode == 2
    assert "did you mean 'one'" in missing.stderr


def test_raw_logs_are_the_very_bytes(ran: Run, tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "logs", "last", "--raw", "--step", "two", "--host", "a"],
        env={**os.environ, "RUNYARD_STATE": str(tmp_path / "state")},
        capture_output=True,
        timeout=60,
    )
    assert done.stdout == b"out-two \xff end"


def test_logs_as_json_lines(ran: Run) -> None:
    lines = ran("logs", "last", "-o", "jsonl", "--step", "one").stdout.splitlines()
    assert {json.loads(line)["data"]["text"] for line in lines} == {"out-one\n", "err-one\n"}


def test_events_in_every_format(ran: Run) -> None:
    lines = [json.loads(x) for x in ran("events", "last", "-o", "jsonl").stdout.splitlines()]
    assert [e["seq"] for e in lines] == list(range(1, len(lines) + 1))
    assert json.loads(ran("events", "last", "-o", "json").stdout) == lines
    later = ran("events", "last", "--after", str(len(lines) - 1)).stdout
    assert "run.finished" in later
    assert len(later.splitlines()) == 1


def test_followers_see_lines_while_the_run_goes_on(
    tmp_path: Path, program: Run, background: Background
) -> None:
    file = write(
        tmp_path,
        "steps:\n  - {name: s, action: cmd.run, args: {cmd: 'echo now; "
        "while [ ! -e go ]; do sleep 0.05; done; echo end'}}\n",
    )
    process = background("run", file)
    until_line(process, "| now")
    logs, events = background("logs", "last", "-f"), background("events", "last", "-f")
    until_line(logs, "local | now")
    until_line(events, "attempt.started")
    (tmp_path / "go").touch()
    until_line(logs, "local | end")
    until_line(events, "run.finished")
    for each in (process, logs, events):
        each.communicate(timeout=60)
        assert each.returncode == 0


def test_ctrl_c_ends_a_follower(tmp_path: Path, program: Run, background: Background) -> None:
    file = write(
        tmp_path,
        "steps:\n  - {name: s, action: cmd.run, args: {cmd: 'echo now; sleep 300'}}\n",
    )
    process = background("run", file)
    until_line(process, "| now")
    logs = background("logs", "last", "-f")
    until_line(logs, "| now")
    logs.send_signal(signal.SIGINT)
    _, err = logs.communicate(timeout=60)
    assert logs.returncode == 130
    assert err.strip() == "runyard: stopped by Ctrl-C"
    assert program("cancel", "last", "--kill").stdout.endswith("survivors: 0\n")
    process.communicate(timeout=60)


def test_wrong_choices_are_usage_errors(tmp_path: Path, program: Run) -> None:
    file = write(tmp_path, TALKS)
    for options in (
        ("--limit", "nosuch"),
        ("--tags", "nosuch"),
        ("--run-id", "x"),
        ("--var", "x"),
        ("--plan", "nowhere.json"),
    ):
        done = program("run", file, *options)
        assert done.returncode == 2, options
        assert done.stderr.startswith("error["), options
    assert program("run", file, "--run-id", "twice-0001").returncode == 0
    again = program("run", file, "--run-id", "twice-0001")
    assert again.returncode == 1
    assert "error[RUN_EXISTS]" in again.stderr


def test_a_run_that_is_not_there(program: Run) -> None:
    for command in ("show", "logs", "events", "cancel", "resume", "rollback", "approve"):
        done = program(command, "nosuchrun")
        assert done.returncode == 2, command
        assert "error[RUN]: no run nosuchrun" in done.stderr
        assert "Traceback" not in done.stderr
    assert program("show", "last").returncode == 2


def test_validate_reports_everything_at_once(tmp_path: Path, program: Run) -> None:
    good = write(tmp_path, TALKS, "good.yaml")
    bad = write(tmp_path, "stepz:\n  - {name: s, acton: cmd.run}\n", "bad.yaml")
    done = program("validate", good, bad)
    assert done.returncode == 2
    assert f"{good}: ok (2 steps, 2 hosts)" in done.stdout
    assert f"{bad}:3:1: error[" in done.stdout
    assert "^" in done.stdout
    data = json.loads(program("validate", good, bad, "-o", "json").stdout)
    assert [f["valid"] for f in data["files"]] == [True, False]
    assert all(d["line"] for d in data["files"][1]["diagnostics"])
    assert program("validate", good).returncode == 0


@pytest.mark.parametrize("command", ["run", "plan", "validate"])
def test_files_that_are_no_workflows(tmp_path: Path, program: Run, command: str) -> None:
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "deep.yaml").write_text("[" * 10_000)
    for name in ("empty.yaml", "binary.yaml", "deep.yaml", "nowhere.yaml", "."):
        done = program(command, tmp_path / name)
        assert done.returncode == 2, name
        assert "error[WF" in done.stdout + done.stderr, name
        assert "Traceback" not in done.stderr


def test_schema_is_json_schema(program: Run) -> None:
    import jsonschema

    schema = json.loads(program("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load("version: v0.1\nname: w\n" + TALKS), schema)


def test_actions_are_listed_and_described(program: Run) -> None:
    assert "cmd.run " in program("actions").stdout
    text = program("actions", "cmd.run").stdout
    assert "max_output_bytes" in text
    data = json.loads(program("actions", "-o", "json").stdout)
    assert all(a["summary"] and all(p["doc"] for p in a["args"]) for a in data)
    assert "safe to run again" not in text
    for name, words in (
        ("cmd.run", "attaches to it again, it is never started twice"),
        ("file.copy", "resume runs it again"),
        ("http.request", "reports it as interrupted"),
    ):
        (line,) = (x for x in program("actions", name).stdout.splitlines() if "after a crash" in x)
        assert words in line
    assert "script.python, script.shell" in program("actions", "script.run").stdout
    assert {a["name"]: a["aliases"] for a in data}["http.request"] == ["http.run"]
    unknown = program("actions", "cmd.rum")
    assert unknown.returncode == 2
    assert "did you mean cmd.run" in unknown.stderr


def test_one_unit_of_work(tmp_path: Path, program: Run) -> None:
    done = program("exec", "--category", "command", "--command", "echo", "--args", '["hi"]')
    assert (done.returncode, done.stdout) == (0, "hi\n")
    result = json.loads(
        program(
            "exec", "--category", "script", "--args", '{"script": "echo $X; exit 4"}',
            "--env", "X=y", "-o", "json",
        ).stdout
    )  # fmt: skip
    assert (result["status"], result["output"], result["exit_code"]) == ("failed", "y\n", 4)
    late = program(
        "exec", "--category", "command", "--command", "sleep", "--args", '["60"]',
        "--timeout", "200ms", "-o", "json",
    )  # fmt: skip
    assert late.returncode == 1
    assert json.loads(late.stdout)["status"] == "timeout"
    units = tmp_path / "units.json"
    unit = {"category": "command", "command": "echo", "args": ["1"]}
    units.write_text(json.dumps([unit, {**unit, "args": ["2"]}]))
    many = json.loads(program("exec", "--work", units, "-o", "json").stdout)
    assert [r["output"] for r in many] == ["1\n", "2\n"]
    unknown = program("exec", "--category", "comand")
    assert unknown.returncode == 2
    assert "did you mean command" in unknown.stderr
    assert program("exec").returncode == 2
    assert program("exec", "--work", tmp_path / "nowhere.json").returncode == 2


def test_prune_removes_rows_and_files(ran: Run, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "runs" / "talk-0001"
    assert folder.is_dir()
    assert ran("prune").returncode == 2
    dry = ran("prune", "--keep", "0", "--dry-run")
    assert "talk-0001" in dry.stdout
    assert folder.is_dir()
    assert ran("prune", "--older-than", "1h", "-o", "json").stdout.count("talk") == 0
    cached = tmp_path / "state" / "cache" / "old.json"
    cached.parent.mkdir(exist_ok=True)
    cached.write_text('{"expires": 1}')
    done = ran("prune", "--keep", "0")
    assert "1 run removed" in done.stdout
    assert not folder.exists() and not cached.exists()
    assert ran("runs", "-o", "json").stdout == "[]\n"


def test_doctor_finds_this_machine_well(program: Run) -> None:
    done = program("doctor", "-o", "json")
    data = json.loads(done.stdout)
    states = {c["name"]: c["state"] for c in data["checks"]}
    assert done.returncode == 0
    assert states["supervisor"] == states["process sweep"] == states["sqlite"] == "ok"
    assert all(c["fix"] for c in data["checks"] if c["state"] != "ok")


def test_doctor_tells_what_is_broken(tmp_path: Path, program: Run) -> None:
    (tmp_path / "file").write_text("not a directory")
    done = program("doctor", RUNYARD_STATE=str(tmp_path / "file" / "state"))
    assert done.returncode == 1
    assert "broken  state directory" in done.stdout
    assert "state directory: fix: " in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_code(program: Run, shell: str) -> None:
    assert "_RUNYARD_COMPLETE" in program("completion", shell).stdout


def test_completion_of_commands_and_runs(ran: Run) -> None:
    done = ran(_RUNYARD_COMPLETE="bash_complete", COMP_WORDS="runyard r", COMP_CWORD="1")
    names = [line.split(",")[1] for line in done.stdout.splitlines()]
    assert names == ["run", "resume", "rollback", "reject", "runs"]
    done = ran(_RUNYARD_COMPLETE="bash_complete", COMP_WORDS="runyard show t", COMP_CWORD="2")
    assert "plain,talk-0001" in done.stdout


def test_state_directory_that_cannot_be_used(tmp_path: Path, program: Run) -> None:
    (tmp_path / "file").write_text("not a directory")
    done = program("runs", RUNYARD_STATE=str(tmp_path / "file" / "state"))
    assert done.returncode == 1
    assert "error[" in done.stderr
    assert "Traceback" not in done.stderr


def test_fmt(tmp_path: Path, program: Run) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(
        "name: w   # the name\nversion: v0.1\nsteps:\n"
        "- action: cmd.run\n  name: s\n  args: {cmd: echo}\n"
    )
    file.chmod(0o640)
    before = file.read_text()
    checked = program("fmt", "--check", file)
    assert (checked.returncode, file.read_text()) == (1, before)
    assert program("fmt", "--diff", file).stdout.startswith("--- ")
    assert program("fmt", file).returncode == 0
    assert file.read_text() != before
    assert "# the name" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640
    assert program("fmt", "--check", file).returncode == 0
    assert program("fmt", tmp_path / "nowhere.yaml").returncode == 2


@pytest.mark.parametrize("command", [["runs"], ["events", "last"], ["actions"]])
def test_stdout_that_is_full_or_gone(ran: Run, tmp_path: Path, command: list[str]) -> None:
    env = {**os.environ, "RUNYARD_STATE": str(tmp_path / "state")}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [PROGRAM, *command], env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [PROGRAM, *command], env=env, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(writer)
    assert done.stderr == ""
