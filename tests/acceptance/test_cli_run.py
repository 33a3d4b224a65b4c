"""`runyard run` without a terminal: lines, events, exit codes, signals, deaths."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.processes import supervisors
from tests.conftest import PROGRAM, Run

HEAD = "version: v0.1\nname: w\n"


class Background:
    """A program that runs beside the test; ended with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "RUNYARD_STATE": str(folder / "state")}
        self.started: list[subprocess.Popen[str]] = []

    def __call__(self, *args: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [PROGRAM, *args],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Background]:
    made = Background(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def write(folder: Path, text: str, name: str = "w.yaml") -> Path:
    path = folder / name
    path.write_text(HEAD + text)
    return path


def until_line(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line
    raise AssertionError(f"{word!r} never came")


TWO_HOSTS = """
inventory: {hosts: {web1: {}, db: {}}}
steps:
  - name: talk
    action: cmd.run
    args: {cmd: "for i in 1 2 3; do printf 'half '; sleep 0.02; echo line $i; done; echo no >&2"}
"""


def test_lines_of_hosts_are_whole(tmp_path: Path, program: Run) -> None:
    done = program("run", write(tmp_path, TWO_HOSTS))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "── [1/1] talk  (2 hosts)"
    for host in ("web1", "db  "):
        mine = [line for line in lines if line.startswith(host)]
        assert [line for line in mine if "|" in line] == [
            f"{host} | half line {i}" for i in (1, 2, 3)
        ]
        assert f"{host} ! no" in mine
        assert mine[-1].startswith(f"{host} = success, changed, ")
    assert lines[-1].startswith("success: 2 ok, 2 changed, 0 skipped, 0 failed, ")


FAILS = """
steps:
  - name: breaks
    action: cmd.run
    args: {cmd: "echo out; echo 'no such thing' >&2; exit 7"}
  - name: never
    action: cmd.run
    args: {cmd: "echo never"}
"""


def test_failure_says_what_where_and_how_to_look_on(tmp_path: Path, program: Run) -> None:
    done = program("run", write(tmp_path, FAILS), "--run-id", "my-run-0001")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert "✗ breaks on local: failed: exit code 7" in lines
    assert "    ! no such thing" in lines
    assert "  hint: runyard show my-run-0001" in lines
    (last,) = (line for line in lines if "never" in line)  # it is said that it was not run
    assert last.startswith("failed: 0 ok, ") and ", not run: never, " in last


def test_events_as_json_lines_with_the_output(tmp_path: Path, program: Run) -> None:
    done = program("run", write(tmp_path, FAILS), "-o", "jsonl")
    assert done.returncode == 1
    events = [json.loads(line) for line in done.stdout.splitlines()]
    numbers = [e["seq"] for e in events if "seq" in e]
    assert numbers == list(range(1, len(numbers) + 1))
    assert events[-1]["type"] == "run.finished"
    output = {
        stream: "".join(
            e["data"]["text"]
            for e in events
            if e["type"] == "output" and e["data"]["stream"] == stream
        )
        for stream in ("stdout", "stderr")
    }
    assert output == {"stdout": "out\n", "stderr": "no such thing\n"}
    order = [e["type"] for e in events]
    assert order.index("output") < order.index("result.reached")
    assert "failed:" in done.stderr


def test_record_as_json(tmp_path: Path, program: Run) -> None:
    done = program("run", write(tmp_path, TWO_HOSTS), "-o", "json")
    record = json.loads(done.stdout)
    assert record["status"] == "success"
    assert set(record["steps"][0]["hosts"]) == {"web1", "db"}


def test_quiet_prints_failures_only(tmp_path: Path, program: Run) -> None:
    assert program("run", "-q", write(tmp_path, TWO_HOSTS)).stdout == ""
    failed = program("run", "--quiet", write(tmp_path, FAILS))
    assert "exit code 7" in failed.stdout
    assert "──" not in failed.stdout


def test_colour_only_when_asked(tmp_path: Path, program: Run) -> None:
    file = write(tmp_path, TWO_HOSTS)
    assert "\x1b" not in program("run", file).stdout
    assert "\x1b[" in program("run", file, "--color", "always").stdout


def test_workflow_from_standard_input(tmp_path: Path, background: Background) -> None:
    done = subprocess.run(
        [PROGRAM, "run", "-", "--var", "NAME=world"],
        input=HEAD + "steps:\n  - {name: s, action: cmd.run, args: {cmd: echo hello $NAME}}\n",
        env=background.env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert "| hello world" in done.stdout


def test_local_limit_and_tags(tmp_path: Path, program: Run) -> None:
    file = write(
        tmp_path,
        "inventory:\n  hosts:\n    a: {address: 'http://127.0.0.1:1'}\n"
        "    b: {address: 'http://127.0.0.1:1'}\nsteps:\n"
        "  - {name: one, tags: [x], action: cmd.run, args: {cmd: echo one}}\n"
        "  - {name: two, tags: [y], action: cmd.run, args: {cmd: echo two}}\n",
    )
    done = program("run", file, "--local", "--limit", "b", "--tags", "y")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "b | two" in done.stdout
    assert "one" not in done.stdout
    assert "a |" not in done.stdout
    refused = program("run", file)
    assert refused.returncode != 0
    assert "--local" in refused.stdout + refused.stderr


def test_a_reader_that_leaves_does_not_end_the_run(tmp_path: Path, program: Run) -> None:
    file = write(
        tmp_path,
        "steps:\n  - {name: s, action: cmd.run, args: {cmd: 'seq 1 20000; touch done'}}\n",
    )
    done = subprocess.run(
        ["sh", "-c", f"'{PROGRAM}' run '{file}' | head -1; echo over"],
        cwd=tmp_path,
        env={**os.environ, "RUNYARD_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["── [1/1] s", "over"]
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert (tmp_path / "done").exists()
    assert json.loads(program("show", "last", "-o", "json").stdout)["status"] == "success"


def test_a_reader_that_sleeps_does_not_hold_the_run_up(
    tmp_path: Path, program: Run, background: Background
) -> None:
    file = write(
        tmp_path,
        "steps:\n"
        "  - {name: s, action: cmd.run,"
        " args: {cmd: 'yes x | tr -d \"\\\\n\" | head -c 20000000'}}\n"
        "  - {name: t, action: cmd.run, args: {cmd: touch done}}\n",
    )
    process = background("run", file)
    deadline = time.monotonic() + 60
    while not (tmp_path / "done").exists():
        assert time.monotonic() < deadline, "the run waits for its reader"
        time.sleep(0.05)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert sum(line.count("x") for line in out.splitlines() if "| x" in line) == 20_000_000


SLEEPS = """
steps:
  - name: long
    action: cmd.run
    args: {cmd: "echo pid $$; touch marker; sleep 300"}
  - name: after
    action: cmd.run
    args: {cmd: "echo after"}
finally:
  - name: cleanup
    action: cmd.run
    args: {cmd: "echo cleaned"}
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP])
def test_signals_cancel_cleanly(
    tmp_path: Path, background: Background, number: signal.Signals
) -> None:
    process = background("run", write(tmp_path, SLEEPS))
    pid = int(until_line(process, "| pid ").split()[-1])
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "canceling" in err
    assert "| cleaned" in out
    assert "| after" not in out
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_cancel_from_elsewhere_waits_and_counts_survivors(
    tmp_path: Path, program: Run, background: Background
) -> None:
    process = background("run", write(tmp_path, SLEEPS))
    pid = int(until_line(process, "| pid ").split()[-1])
    done = program("cancel", "last", "--reason", "enough")
    assert done.returncode == 0
    assert done.stdout.startswith("canceled: ")
    assert done.stdout.endswith("survivors: 0\n")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    process.communicate(timeout=60)
    assert process.returncode == 3
    again = program("cancel", "last")
    assert again.returncode == 1
    assert "error[RUN_FINAL]" in again.stderr


@pytest.mark.parametrize("owned", [True, False])
def test_cancel_kill_waits_for_no_grace(
    tmp_path: Path, program: Run, background: Background, owned: bool
) -> None:
    steps = (
        "steps:\n  - {name: stays, action: cmd.run, grace: 1h, "
        "args: {cmd: 'trap \"\" TERM; echo pid $$; while :; do sleep 0.05; done'}}\n"
    )
    process = background("run", write(tmp_path, steps))
    pid = int(until_line(process, "| pid ").split()[-1])
    if not owned:
        process.kill()
    done = program("cancel", "last", "--kill")
    assert (done.returncode, gone(pid)) == (0, True), done.stderr
    process.communicate(timeout=60)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def interrupted(run: str, ended: int) -> str:
    """What `cancel` says of a run whose process had died."""
    return (
        f"interrupted: {run}, ended now: {ended}, survivors: 0; `finally` was not run: "
        f"`runyard resume {run}` goes on from here\n"
    )


def test_cancel_ends_what_an_owner_left_that_died_meanwhile(
    tmp_path: Path, background: Background
) -> None:
    process = background("run", write(tmp_path, SLEEPS), "--run-id", "will-not-obey")
    pid = int(until_line(process, "| pid ").split()[-1])
    process.send_signal(signal.SIGSTOP)
    canceling = background("cancel", "will-not-obey")
    time.sleep(1)
    process.kill()
    out, err = canceling.communicate(timeout=60)
    assert out == interrupted("will-not-obey", 1), err
    assert canceling.returncode == 0
    assert gone(pid)


def test_cancel_of_an_interrupted_run_ends_what_it_left(
    tmp_path: Path, program: Run, background: Background
) -> None:
    process = background("run", write(tmp_path, SLEEPS), "--run-id", "died-alone")
    pid = int(until_line(process, "| pid ").split()[-1])
    process.kill()
    process.wait()
    shown = program("show", "died-alone").stdout
    assert "1 attempt may still run" in shown
    assert "1 interrupted" in shown
    assert not gone(pid)
    done = program("cancel", "died-alone")
    assert done.stdout == interrupted("died-alone", 1), done.stderr
    assert (done.returncode, gone(pid)) == (0, True)
    again = program("cancel", "died-alone")
    assert again.stdout == interrupted("died-alone", 0)


def test_prune_keeps_a_run_whose_processes_live(
    tmp_path: Path, program: Run, background: Background
) -> None:
    process = background("run", write(tmp_path, SLEEPS), "--run-id", "works-on")
    pid = int(until_line(process, "| pid ").split()[-1])
    process.kill()
    process.wait()
    kept = program("prune", "--keep", "0")
    assert kept.stdout == "0 runs removed, 0 bytes\n"
    assert "run works-on is kept: 1 attempt of it still at work" in kept.stderr
    assert "`runyard cancel works-on` ends what is left" in kept.stderr
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while "works-on" not in (done := program("prune", "--keep", "0")).stdout:
        assert time.monotonic() < deadline, done.stderr


def test_kill_9_is_found_and_resumed(tmp_path: Path, program: Run, background: Background) -> None:
    file = write(
        tmp_path,
        "steps:\n"
        "  - {name: first, action: cmd.run, args: {cmd: 'echo first >>log'}}\n"
        "  - {name: second, action: cmd.run, args: {cmd: 'echo second >>log; "
        "while [ ! -e go ]; do sleep 0.05; done'}}\n"
        "  - {name: third, action: cmd.run, args: {cmd: 'echo third >>log'}}\n",
    )
    process = background("run", file, "--run-id", "will-be-killed")
    until_line(process, "second")
    log = tmp_path / "log"
    while not log.exists() or "second" not in log.read_text():
        time.sleep(0.02)
    process.kill()
    process.wait()
    told = program("runs")
    assert "run will-be-killed was interrupted; `runyard resume will-be-killed`" in told.stderr
    assert "interrupted" in told.stdout
    (tmp_path / "go").touch()
    done = program("resume", "will-be")
    assert done.returncode == 0, done.stdout + done.stderr
    assert log.read_text().split() == ["first", "second", "third"]
    assert "first" not in done.stdout


def test_resume_shows_the_whole_output_of_what_was_in_flight(
    tmp_path: Path, program: Run, background: Background
) -> None:
    file = write(
        tmp_path,
        "steps:\n"
        "  - {name: first, action: cmd.run, args: {cmd: 'echo over'}}\n"
        "  - {name: second, action: cmd.run, args: {cmd: 'echo before; "
        "while [ ! -e go ]; do sleep 0.05; done; echo after >&2'}}\n",
    )
    process = background("run", file)
    until_line(process, "| before")
    process.kill()
    process.wait()
    (tmp_path / "go").touch()
    done = program("resume", "last")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[:4] == ["── resumed", "── [2/2] second", "local | before", "local ! after"]
    assert lines[4].startswith("local = success")
    assert "over" not in done.stdout


def test_approval_from_elsewhere(tmp_path: Path, program: Run, background: Background) -> None:
    file = write(
        tmp_path,
        "steps:\n  - name: deploy\n    approval: {message: ship it}\n    action: cmd.run\n"
        "    args: {cmd: echo shipped}\n",
    )
    for word, code in (("approve", 0), ("reject", 5)):
        process = background("run", file)
        until_line(process, "waits for approval: ship it")
        assert program(word, "last", "--step", "depoly").returncode == 2
        assert program(word, "last", "--step", "deploy").returncode == 0
        out, err = process.communicate(timeout=60)
        assert process.returncode == code
        assert ("| shipped" in out) == (code == 0)
        assert "runyard approve" in err
    assert program("approve", "last").returncode == 1
    assert program("run", file, "--yes").returncode == 0


def test_named_event_from_elsewhere(tmp_path: Path, program: Run, background: Background) -> None:
    file = write(
        tmp_path,
        "steps:\n  - {name: hold, action: wait.event, args: {name: released}}\n"
        "  - {name: go, action: cmd.run, args: {cmd: echo went}}\n",
    )
    process = background("run", file)
    until_line(process, "hold")
    done = program("event", "last", "released", "--data", '{"version": "1.4"}')
    assert done.returncode == 0, done.stderr
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "| went" in out
    assert program("event", "last", "x", "--data", "[1]").returncode == 2


def test_plan_is_kept_run_and_refused_on_drift(tmp_path: Path, program: Run) -> None:
    file = write(
        tmp_path,
        "steps:\n  - name: s\n    check: test -e there\n    action: cmd.run\n"
        "    args: {cmd: echo $WHO}\n  - {name: never, when: '${WHO} == \"x\"', action: cmd.run, "
        "args: {cmd: echo no}}\n",
    )
    planned = program("plan", file, "--var", "WHO=you", "--out", "p.json", "-o", "json")
    plan = json.loads(planned.stdout)
    assert [(r["step"], r["decision"]) for r in plan["rows"]] == [("s", "run"), ("never", "skip")]
    assert (tmp_path / "p.json").stat().st_mode & 0o777 == 0o600
    done = program("run", "--plan", "p.json")
    assert done.returncode == 0, done.stderr
    assert "| you" in done.stdout
    assert program("run", "--plan", "p.json", "--var", "WHO=me").returncode == 2
    (tmp_path / "there").touch()
    drifted = program("run", "--plan", "p.json")
    assert drifted.returncode == 6
    assert "error[PLAN_DRIFT]" in drifted.stderr
    assert "s on local" in drifted.stderr
    table = program("plan", file).stdout
    assert "check: already done" in table
    assert "digest " in table


@pytest.mark.parametrize("name", ["w.yaml", "nowhere.yaml"])
def test_no_process_is_left(tmp_path: Path, program: Run, name: str) -> None:
    write(tmp_path, TWO_HOSTS)
    program("run", name, "--run-id", "leaves-none")
    deadline = time.monotonic() + 8
    while left := supervisors("leaves-none"):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_dry_run_runs_nothing(tmp_path: Path, program: Run) -> None:
    file = write(tmp_path, "steps:\n  - {name: s, action: cmd.run, args: {cmd: touch done}}\n")
    done = program("run", file, "--dry-run")
    assert done.returncode == 0
    assert "s     local  run" in done.stdout
    assert not (tmp_path / "done").exists()
    assert program("runs", "-o", "json").stdout == "[]\n"


def test_manual_approve_without_a_terminal(tmp_path: Path, program: Run) -> None:
    file = write(
        tmp_path,
        "plan: {mode: manual-approve}\n"
        "steps:\n  - {name: s, action: cmd.run, args: {cmd: echo ran}}\n",
    )
    refused = program("run", file)
    assert refused.returncode == 5
    assert "error[NOT_APPROVED]" in refused.stderr
    assert "| ran" in program("run", file, "--yes").stdout
    program("plan", file, "--out", "p.json")
    assert "| ran" in program("run", "--plan", "p.json").stdout


def test_rollback_undoes_what_changed(tmp_path: Path, program: Run) -> None:
    file = write(
        tmp_path,
        "steps:\n  - name: s\n    action: cmd.run\n    args: {cmd: touch made}\n"
        "    rollback: {action: cmd.run, args: {cmd: rm made}}\n",
    )
    assert program("run", file).returncode == 0
    assert (tmp_path / "made").exists()
    done = program("rollback", "last")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "made").exists()


def test_resume_of_a_changed_workflow_needs_force(tmp_path: Path, program: Run) -> None:
    file = write(tmp_path, FAILS)
    assert program("run", file).returncode == 1
    write(tmp_path, FAILS.replace("exit 7", "exit 0"))
    refused = program("resume", "last")
    assert refused.returncode == 1
    assert "error[RUN_CHANGED]" in refused.stderr
    assert "--force" in refused.stderr
    done = program("resume", "last", "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| never" in done.stdout


def test_secrets_are_masked_everywhere(tmp_path: Path, program: Run) -> None:
    file = write(
        tmp_path,
        "steps:\n  - name: s\n    action: cmd.run\n"
        "    args: {cmd: 'echo token=$T; printf hunter; sleep 0.05; echo 2hunter2',"
        " env: {T: '${secret:TOKEN}'}}\n",
    )
    env = {"RUNYARD_SECRET_TOKEN": "hunter2hunter2", "TOKEN": "hunter2hunter2"}
    for form in ("plain", "jsonl", "json"):
        done = program("run", file, "-o", form, **env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "hunter2hunter2" not in done.stdout + done.stderr
    for command in ("show", "logs", "events"):
        done = program(command, "last")
        assert "token=" in done.stdout or command != "logs"
        assert "hunter2hunter2" not in done.stdout


def shell(line: str, folder: Path, *args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line, PROGRAM, *args],
        cwd=folder,
        env={**os.environ, "RUNYARD_STATE": str(folder / "state")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_closed_output_does_not_fail_a_run(tmp_path: Path, program: Run) -> None:
    file = write(tmp_path, TWO_HOSTS)
    done = shell('"$0" run "$1" >&-', tmp_path, file)
    assert done.returncode == 0, done.stderr
    assert "stdout: Bad file descriptor; run" in done.stderr
    assert "ended: success" in done.stderr
    assert shell('"$0" run "$1" <&- >&- 2>&-', tmp_path, file).returncode == 0
    assert shell('"$0" run "$1" -o jsonl 2>&-', tmp_path, file).returncode == 0
    runs = json.loads(program("runs", "-o", "json").stdout)
    assert [r["status"] for r in runs] == ["success"] * 3


def test_closed_streams_of_other_commands_are_told(tmp_path: Path) -> None:
    done = shell('"$0" runs -o json >&-', tmp_path)
    assert done.returncode == 1
    assert "error[STDOUT]: standard output cannot be written: Bad file" in done.stderr
    for command in ("run -", "fmt -", "exec --work -"):
        done = shell(f'"$0" {command} <&-', tmp_path)
        assert done.returncode == 2, done.stderr
        assert "error[STDIN]: standard input cannot be read: Bad file" in done.stderr
    done = shell('"$0" no-such-command 2>&-', tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


def test_resume_of_what_succeeded_is_refused(tmp_path: Path, program: Run) -> None:
    file = write(tmp_path, TWO_HOSTS)
    assert program("run", file).returncode == 0
    file.unlink()
    refused = program("resume", "last")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error[RUN_FINAL]: run ")
    assert "has succeeded: nothing of it is left to do" in refused.stderr
    assert "hint: `runyard run` runs the workflow anew" in refused.stderr


def test_a_live_run_is_neither_resumed_nor_rolled_back(
    tmp_path: Path, program: Run, background: Background
) -> None:
    file = write(tmp_path, SLEEPS)
    process = background("run", file, "--run-id", "still-live")
    until_line(process, "| pid ")
    # A change is nothing to think about before the run has ended.
    write(tmp_path, "steps: nonsense\n")
    for command in ("resume", "rollback"):
        refused = program(command, "still-live")
        assert refused.returncode == 1
        assert refused.stderr.startswith("error[RUN_ACTIVE]: run still-live has not ended\n")
        assert "stop it with `runyard cancel still-live`" in refused.stderr
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)


def test_a_tolerated_failure_is_told_even_when_quiet(program: Run, tmp_path: Path) -> None:
    file = tmp_path / "tolerant.yaml"
    file.write_text(
        "version: v0.1\nname: tolerant\nsteps:\n"
        "  - {name: hook, continue_on_error: true, action: cmd.run, args: {cmd: 'exit 4'}}\n"
    )
    quiet = program("-q", "run", file)
    assert quiet.returncode == 0 and quiet.stdout == ""
    assert quiet.stderr == ("runyard: warning: hook on local failed, tolerated: exit code 4\n")
    assert "warning: hook on local failed, tolerated" in program("run", file).stdout
