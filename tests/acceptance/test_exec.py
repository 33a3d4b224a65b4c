"""`runyard exec TARGETS -- CMD`: a command on many hosts of an inventory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.processes import supervisors
from tests.acceptance.terminal import Terminal
from tests.acceptance.test_cli_run import Background, background, until_line
from tests.conftest import PROGRAM, Run

__all__ = ["background"]


def inventory(folder: Path, hosts: int = 40) -> Path:
    """`web01 …` on this machine, and the groups `odd` and `first`."""
    names = [f"web{n:02d}" for n in range(1, hosts + 1)]
    path = folder / "hosts.json"
    document = {
        "hosts": {name: {"address": "local", "vars": {"N": n}} for n, name in enumerate(names, 1)},
        "groups": {"odd": {"hosts": names[::2]}, "first": {"hosts": names[:10]}},
        "vars": {"PLACE": "here"},
    }
    path.write_text(json.dumps(document))
    return path


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    return done.stdout.splitlines()


def until(path: Path, count: int) -> None:
    """Wait until `path` has so many lines."""
    deadline = time.monotonic() + 30
    while not path.exists() or len(path.read_text().splitlines()) < count:
        assert time.monotonic() < deadline, path.read_text() if path.exists() else "no file"
        time.sleep(0.02)


def test_equal_outputs_are_shown_once_and_it_is_a_run_like_others(
    tmp_path: Path, program: Run
) -> None:
    hosts = inventory(tmp_path)
    script = "echo one; echo two; case $RUNYARD_HOST in web07) echo no >&2; exit 3;; esac"
    done = program("exec", "-i", hosts, "all", "--", script)
    assert done.returncode == 1
    assert lines(done)[:8] == [
        "── [1/1] exec  (40 hosts)",
        "web[01-06,08-40]: same 2 lines",
        "  | one",
        "  | two",
        "web07 | one",
        "web07 | two",
        "web07 ! no",
        "web07 = failed, exit code 3",
    ]
    assert lines(done)[8] == "= 1 failed, 39 success"
    (run,) = json.loads(program("runs", "-o", "json").stdout)
    assert (run["workflow_name"], run["status"]) == ("exec", "failed")
    again = program("logs", "last", "--group")
    assert lines(again) == ["── exec  (40 hosts)", *lines(done)[1:8]]
    assert lines(program("logs", "last", "--step", "exec", "--host", "web09", "--raw")) == [
        "one", "two",
    ]  # fmt: skip
    record = json.loads(program("show", "last", "-o", "json").stdout)
    assert [step["name"] for step in record["steps"]] == ["exec"]
    assert len(record["steps"][0]["hosts"]) == 40


def test_what_is_shown_as_hosts_selects_these_hosts(tmp_path: Path, program: Run) -> None:
    hosts = inventory(tmp_path)
    done = program("exec", "-i", hosts, "!web07,!web2*", "--group", "--", "echo x")
    shown, _, _ = lines(done)[1].partition(":")
    assert shown == "web[01-06,08-19,30-40]"
    again = program("exec", "-i", hosts, shown, "--group", "--", "echo x")
    assert lines(again)[1] == lines(done)[1]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("web03", ["web03"]),
        ("web[01:03]", ["web01", "web02", "web03"]),
        ("web[01-02,40]", ["web01", "web02", "web40"]),
        ("@odd & @first", ["web01", "web03", "web05", "web07", "web09"]),
        ("@first,!odd", ["web02", "web04", "web06", "web08", "web10"]),
        ("web02,web01", ["web01", "web02"]),
    ],
)
def test_targets(tmp_path: Path, program: Run, targets: str, expected: list[str]) -> None:
    done = program(
        "exec", targets, "--no-group", "--", "echo $RUNYARD_HOST $N $PLACE",
        RUNYARD_INVENTORY=str(inventory(tmp_path)),
    )  # fmt: skip
    assert done.returncode == 0
    said = [line for line in lines(done) if " | " in line]
    assert sorted(said) == [f"{name} | {name} {int(name[3:])} here" for name in expected]


def test_all_words_before_two_dashes_are_targets(tmp_path: Path, program: Run) -> None:
    hosts = inventory(tmp_path)
    done = program("exec", "web03", "web01", "@first & web02", "--group", "-i", hosts, "--", "echo")
    assert lines(done)[0] == "── [1/1] exec  (3 hosts)"
    here = "http://127.0.0.1:1", "http://127.0.0.1:2", "--local"
    done = program("exec", *here, "--no-group", "--", "echo", "--", "-x")
    said = sorted(line for line in lines(done) if " | " in line)
    assert said == ["127.0.0.1:1 | -- -x", "127.0.0.1:2 | -- -x"]


def test_without_dashes_the_first_word_is_the_targets(tmp_path: Path, program: Run) -> None:
    done = program("exec", "-i", inventory(tmp_path), "web03", "echo", "web04")
    assert "web03 | web04" in lines(done)
    done = program("exec", "-i", inventory(tmp_path), "web03", "web*", "uptime")
    assert done.returncode == 2
    assert "write -- between" in done.stderr


def test_limit_narrows_and_a_resume_keeps_it(tmp_path: Path, program: Run) -> None:
    hosts = inventory(tmp_path)
    done = program(
        "exec", "@first", "web11", "-i", hosts, "--limit", "odd,!web09", "--group", "--",
        "test -e repaired && echo x",
    )  # fmt: skip
    assert lines(done)[0] == "── [1/1] exec  (5 hosts)"
    (tmp_path / "repaired").touch()
    again = program("resume", "last", "--group")
    assert "web[01,03,05,07,11]: same 1 line" in lines(again)


def test_without_an_inventory_it_is_said_that_this_machine_is_all(program: Run) -> None:
    warned = "no inventory: this machine only (-i FILE, RUNYARD_INVENTORY)"
    assert warned in program("exec", "all", "--", "true").stderr
    assert program("exec", "local", "--", "true").stderr == ""
    assert program("exec", "all", "-i", "local,", "--", "true").stderr == ""
    assert program("exec", "-q", "all", "--", "true").stderr == ""


def test_become_without_a_name_is_root(program: Run) -> None:
    done = program("exec", "local", "--become", "--", "id -un")
    assert "root" in done.stdout
    assert "USAGE" not in done.stderr


def test_many_words_are_no_shell_and_one_word_is(tmp_path: Path, program: Run) -> None:
    odd = ["$(touch hacked)", "`id`", "a b", '"', "'", "ü ✓", "\x7f\u2028\x85\ufeff", "- x: [y"]
    done = program("exec", "all", "-o", "json", "--", "printf", "%s\\n", *odd)
    record = json.loads(done.stdout)
    assert record["steps"][0]["hosts"]["local"]["output"]["stdout"] == "\n".join([*odd, ""])
    assert not (tmp_path / "hacked").exists()
    done = program("exec", "all", "--", "echo a b | tr a-z A-Z; echo ${HOME:+home}")
    assert lines(done)[1:3] == ["local | A B", "local | home"]


def test_options_of_the_process(tmp_path: Path, program: Run) -> None:
    done = program(
        "exec", "all", "--env", "A=1 2", "--env", "B=", "--dir", tmp_path, "--timeout", "30s",
        "--", 'echo "$A|$B"; pwd',
    )  # fmt: skip
    assert lines(done)[1:3] == ["local | 1 2|", f"local | {tmp_path}"]
    late = program("exec", "all", "--timeout", "0.2s", "--", "sleep", "60")
    assert late.returncode == 1
    assert "local = timeout" in late.stdout


def test_a_script_of_this_machine_with_arguments(tmp_path: Path, program: Run) -> None:
    script = tmp_path / "check.sh"
    script.write_text('#!/bin/sh\necho "$# $1 ${2} ${item.x}"; exit ${3:-0}\n'.replace(".x", ""))
    done = program("exec", "all", "--script", script, "--", "--fast", "a b", cwd=tmp_path)
    assert lines(done)[1] == "local | 2 --fast a b "
    assert program("exec", "all", "--script", script, "--", "a", "b", "5").returncode == 1
    gone = program("exec", "all", "--script", tmp_path / "gone.sh")
    assert (gone.returncode, "no such file" in gone.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "ran"),
    [
        (("--serial", "1,50%"), 1),
        (("--serial", "5", "--max-failures", "7"), 10),
        (("--concurrency", "1", "--max-failures", "2"), 3),
        (("--concurrency", "1", "--fail-fast"), 1),
        ((), 40),
    ],
)
def test_how_far_a_command_that_fails_comes(
    tmp_path: Path, program: Run, options: tuple[str, ...], ran: int
) -> None:
    done = program("exec", "-i", inventory(tmp_path), "all", *options, "--", "echo x; false")
    assert done.returncode == 1
    left = f", {40 - ran} not started" if ran < 40 else ""
    assert f"= {ran} failed{left}" in lines(done)


def test_groups_when_asked_for_and_not(tmp_path: Path, program: Run) -> None:
    hosts = inventory(tmp_path, 30)
    few = program("exec", "-i", hosts, "@first", "--group", "--", "echo x")
    assert "web[01-10]: same 1 line" in lines(few)
    many = program("exec", "-i", hosts, "all", "--no-group", "--", "echo x")
    assert Counter(lines(many))["web30 | x"] == 1
    assert sum(line.endswith(" | x") for line in lines(many)) == 30


def test_workflows_are_shown_in_the_same_way(tmp_path: Path, program: Run) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(
        "version: v0.1\nname: w\nsteps: [{name: s, action: cmd.run, args: {cmd: echo x}}]\n"
    )
    run = ("run", file, "-i", inventory(tmp_path, 30))
    assert "web[01-30]: same 1 line" in lines(program(*run))
    assert "web30 | x" in lines(program(*run, "--no-group"))
    few = ("run", file, "-i", inventory(tmp_path, 3))
    assert "web03 | x" in lines(program(*few))
    assert "web[01-03]: same 1 line" in lines(program(*few, "--group"))


def test_events_and_records_for_programs(tmp_path: Path, program: Run) -> None:
    hosts = inventory(tmp_path, 25)
    done = program("exec", "-i", hosts, "all", "-o", "jsonl", "--", "echo x")
    events = [json.loads(line) for line in lines(done)]
    types = Counter(event["type"] for event in events)
    assert types["output"] == types["result.reached"] == 25
    assert events[-1]["type"] == "run.finished"
    record = json.loads(program("exec", "-i", hosts, "all", "-o", "json", "--", "echo x").stdout)
    assert list(record["steps"][0]["hosts"]) == [f"web{n:02d}" for n in range(1, 26)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nobody", "--", "true"), 'unknown target "nobody"'),
        (("x*", "--", "true"), "no host is selected by x*"),
        (("all",), "there is no command"),
        ((), "TARGETS are missing"),
        (("all", "--timeout", "soon", "--", "true"), "--timeout must be a duration"),
        (("all", "--become", "a b", "--", "true"), "--become must be"),
        (("all", "--serial", "0", "--", "true"), "--serial[0] must be a count"),
        (("all", "--env", "A", "--", "true"), "has no value"),
        (("all", "--limits", "{}", "--", "true"), "--limits is of units of work"),
        (("--category", "command", "--command", "ls", "--local"), "--local is not for units"),
        (("--category", "command", "--command", "ls", "--group"), "--group is not for units"),
        (("all", "--category", "command", "--", "x"), "either TARGETS or a unit of work"),
        (("gopher://x", "--", "true"), "gopher"),
        (("-i", "a,", "ssh://b", "--", "true"), "--inventory is given"),
        (("ssh://b", "web1", "--", "true"), "'web1' is none"),
        (("all", "local", "true"), "'local' is a target"),
        (("ssh://a", "ssh://b", "true"), "'ssh://b' is a target"),
        (("all", "--limit", "!loc*", "--", "true"), "no host is selected by all within --limit"),
        (("all", "ls", "-l"), "write -- in front"),
        (("--become", "--", "true"), "TARGETS are missing"),
        (("--become", "all", "--", "true"), "'all' was taken for the user of --become"),
    ],
)
def test_wrong_use_is_exit_code_2_and_no_run(
    tmp_path: Path, program: Run, words: tuple[str, ...], says: str
) -> None:
    done = program("exec", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(program("runs", "-o", "json").stdout) == []


WAIT = 'echo "$RUNYARD_HOST" >> starts; while [ ! -e go ]; do sleep 0.05; done; echo done'


def test_ctrl_c_cancels_all_hosts_and_nothing_is_left(
    tmp_path: Path, background: Background
) -> None:
    hosts = inventory(tmp_path, 30)
    words = ("exec", "-i", hosts, "all", "--concurrency", "30", "--", f"echo $$ >> pids; {WAIT}")
    process = background(*words)
    until(tmp_path / "starts", 30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "canceling" in err
    assert "web[01-30]: canceled" in out
    for pid in (tmp_path / "pids").read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_cancel_from_elsewhere(tmp_path: Path, background: Background, program: Run) -> None:
    process = background("exec", "-i", inventory(tmp_path, 5), "all", "--", WAIT)
    until(tmp_path / "starts", 5)
    assert program("cancel", "last").returncode == 0
    process.communicate(timeout=60)
    assert process.returncode == 3


def test_killed_and_resumed_nothing_runs_twice(
    tmp_path: Path, background: Background, program: Run
) -> None:
    hosts = inventory(tmp_path, 30)
    process = background("exec", "-i", hosts, "all", "--concurrency", "20", "--", WAIT)
    until(tmp_path / "starts", 20)
    process.kill()
    process.wait()
    hosts.unlink()  # a resume takes the inventory of then
    (tmp_path / "go").touch()
    done = program("resume", "last")
    assert done.returncode == 0, done.stderr
    assert "web[01-30]: same 1 line" in lines(done)
    starts = Counter((tmp_path / "starts").read_text().split())
    assert starts == {f"web{n:02d}": 1 for n in range(1, 31)}
    record = json.loads(program("show", "last", "-o", "json").stdout)
    assert record["status"] == "success"
    assert supervisors(record["run_id"]) == []


def test_the_live_view_of_many_hosts(tmp_path: Path) -> None:
    hosts = inventory(tmp_path, 60)
    script = f"test $RUNYARD_HOST != web03 || exit 4; {WAIT}"
    with Terminal(
        [PROGRAM, "exec", "-i", hosts, "all", "--concurrency", "40", "--", script],
        cwd=tmp_path,
        env={"RUNYARD_STATE": str(tmp_path / "state")},
    ) as terminal:
        terminal.until(lambda e: "1/60 hosts, 40 running, 1 failed" in e.screen)
        terminal.until(lambda e: "■" not in e.screen and "   ▪▪✗▪▪" in e.screen)
        (tmp_path / "go").touch()
        assert terminal.wait() == 1
    text = terminal.text
    assert "web[01-02,04-60]: same 1 line" in text
    assert "web03 = failed, exit code 4" in text
    assert "▪" not in text and "Ctrl-C" not in text


def test_slow_hosts_are_heard_before_the_end(tmp_path: Path, background: Background) -> None:
    script = f"echo begun; echo $RUNYARD_HOST; {WAIT}"
    process = background("exec", "-i", inventory(tmp_path), "all", "--", script)
    assert until_line(process, "begun").endswith(" | begun\n")
    (tmp_path / "go").touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.count("begun") == 40


def test_a_host_that_listens_nowhere_is_a_failed_run(tmp_path: Path, program: Run) -> None:
    done = program("exec", "http://127.0.0.1:1", "--", "uptime")
    assert done.returncode == 1
    assert "cannot reach" in done.stdout
    local = program("exec", "http://127.0.0.1:1", "--local", "--", "echo here")
    assert local.returncode == 0
    assert "127.0.0.1:1 | here" in lines(local)
