"""Runs of the installed program on real agents: started, killed, resumed, canceled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROGRAM, Run
from tests.integration.agent_process import Agent, agent, alive, until
from tests.integration.original_agent import OriginalAgent

ME = os.getpid()  # what other tests lose and sweep bears other names
Background = Callable[..., "subprocess.Popen[str]"]
EXAMPLE = """
version: v0.1
name: three-agents
inventory:
  groups:
    all:
      hosts: [host1, host2, host3]
  hosts:
    host1: {{address: "http://127.0.0.1:{0}"}}
    host2: {{address: "http://127.0.0.1:{1}"}}
    host3: {{address: "http://127.0.0.1:{2}"}}
steps:
"""
GUIDE = """
  - name: check backup exists
    targets: [host1]
    action: cmd.run
    args:
      export_vars: true
      cmd: |
        echo "BOPS_EXPORT:BACKUP_OK=true"
    expect_vars: [BACKUP_OK]
  - name: use backup flag
    targets: [all]
    action: shell.run
    args:
      max_output_bytes: 2048
      output_path: {0}/artifacts
      script: |
        if [ "${{BACKUP_OK}}" != "true" ]; then
          echo "missing BACKUP_OK"
          exit 2
        fi
        for i in 1 2 3 4 5 6; do echo "tick $i on $(hostname)"; sleep 0.1; done
"""
COUNTING = """
  - name: count
    action: shell.run
    args:
      script: |
        echo start >>{0}/starts.$RUNYARD_HOST
        for i in 1 2 3; do echo line $i; done
        until [ -e {0}/go ]; do sleep 0.02; done
        for i in 4 5 6; do echo line $i; done
  - name: after
    action: cmd.run
    args: {{cmd: "echo after >>{0}/afters.$RUNYARD_HOST"}}
"""
LINES = "".join(f"line {n}\n" for n in range(1, 7))
TREE = """
  - name: tree
    action: shell.run
    args:
      script: |
        setsid sh -c 'echo $$ >{0}/pid1.'$RUNYARD_HOST'; exec sleep 1000' &
        echo $$ >{0}/pid2.$RUNYARD_HOST
        wait
"""


@pytest.fixture
def three(tmp_path: Path) -> Iterator[list[Agent]]:
    with ExitStack() as stack:
        yield [stack.enter_context(agent(tmp_path / f"agent{n}")) for n in range(3)]


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Background]:
    started: list[subprocess.Popen[str]] = []

    def start(*args: str | Path, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [PROGRAM, *args],
            cwd=tmp_path,
            env={**os.environ, "RUNYARD_STATE": str(tmp_path / "state"), **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def write(folder: Path, steps: str, ports: list[int], **more: Any) -> Path:
    ports = [*ports, *[1] * (3 - len(ports))]
    path = folder / "flow.yaml"
    extra = "".join(f"{key}: {json.dumps(value)}\n" for key, value in more.items())
    path.write_text(extra + EXAMPLE.format(*ports).lstrip() + steps.format(folder))
    return path


def ports(agents: list[Agent]) -> list[int]:
    return [each.port for each in agents]


def content(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def pid(path: Path) -> int:
    until(lambda: content(path).endswith("\n"), f"{path.name} is there")
    return int(path.read_text())


def test_the_guide_as_it_is_written(tmp_path: Path, three: list[Agent], program: Run) -> None:
    """Three agents, one dispatch, the YAML of the original guide."""
    done = program("run", write(tmp_path, GUIDE, ports(three)), "--token", "runner-token")
    assert (done.returncode, done.stderr) == (0, "")
    for host in ("host1", "host2", "host3"):
        assert done.stdout.count(f"{host} | tick ") == 6
        assert f"{host} = success" in done.stdout
    names = sorted(path.name for path in (tmp_path / "artifacts").iterdir())
    assert len(names) == 6 and all("use%20backup%20flag" in name for name in names)


def test_the_example_runs_here_as_well(tmp_path: Path, three: list[Agent], program: Run) -> None:
    done = program("run", write(tmp_path, GUIDE, [1, 1, 1]), "--local")
    assert done.returncode == 0 and done.stdout.count("| tick ") == 18


def test_a_dispatcher_that_is_killed_is_resumed_and_nothing_runs_twice(
    tmp_path: Path, three: list[Agent], program: Run, background: Background
) -> None:
    file = write(tmp_path, COUNTING, ports(three))
    first = background("run", file, "--run-id", f"killed-run-1-{ME}")
    hosts = ("host1", "host2", "host3")
    until(lambda: all(content(tmp_path / f"starts.{h}") for h in hosts), "all have started")
    first.send_signal(signal.SIGKILL)
    first.wait()
    (tmp_path / "go").touch()
    done = program("resume", f"killed-run-1-{ME}")
    assert done.returncode == 0, done.stderr
    for host in hosts:
        assert content(tmp_path / f"starts.{host}") == "start\n"
        assert content(tmp_path / f"afters.{host}") == "after\n"
        logs = program("logs", f"killed-run-1-{ME}", "--step", "count", "--host", host)
        said = [line.partition(" | ")[2] for line in logs.stdout.splitlines() if " | " in line]
        assert "".join(f"{line}\n" for line in said) == LINES, logs.stderr


def test_a_cancel_ends_what_a_dead_dispatcher_left_at_agents(
    tmp_path: Path, three: list[Agent], program: Run, background: Background
) -> None:
    file = write(tmp_path, TREE, ports(three))
    first = background("run", file, "--run-id", f"left-behind-1-{ME}")
    pids = [
        pid(tmp_path / f"{name}.{host}")
        for host in ("host1", "host2", "host3")
        for name in ("pid1", "pid2")
    ]
    first.send_signal(signal.SIGKILL)
    first.wait()
    three[2].kill()
    kept = program("prune", "--keep", "0")
    assert "0 runs removed" in kept.stdout and "3 attempts of it still at work" in kept.stderr
    done = program("cancel", f"left-behind-1-{ME}")
    assert done.returncode == 1
    assert "ended now: 2, survivors: 0" in done.stdout
    assert "not reached: host3, what ran there may go on" in done.stdout
    assert [alive(each) for each in pids] == [False] * 4 + [True] * 2
    three[2].start()
    again = program("cancel", f"left-behind-1-{ME}")
    assert (again.returncode, again.stderr) == (0, "")
    assert "survivors: 0" in again.stdout and not any(alive(each) for each in pids)
    assert "1 run removed" in program("prune", "--keep", "0").stdout


def test_also_what_the_agents_do_themselves(
    tmp_path: Path, three: list[Agent], program: Run, background: Background
) -> None:
    waits = """
  - name: waits
    action: wait.until
    args: {{tcp: "127.0.0.1:1", timeout: 600s}}
"""
    run = f"waits-there-{ME}"
    first = background("run", write(tmp_path, waits, ports(three)), "--run-id", run)
    names = [f"{run}/waits/host{n}/1" for n in (1, 2, 3)]

    def under_way() -> bool:
        asked = zip(three, names, strict=True)
        told = [each.ask("GET", "/status", task_id=name) for each, name in asked]
        return all(code == 200 for code, _ in told)

    until(under_way, "all three wait")
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = program("cancel", run)
    assert "ended now: 3, survivors: 0" in done.stdout, done.stderr
    assert [a.outcome(n)["status"] for a, n in zip(three, names, strict=True)] == ["canceled"] * 3
    assert "ended now: 0, survivors: 0" in program("cancel", run).stdout


@pytest.mark.parametrize("how", ["interrupt", "cancel"])
def test_a_cancel_reaches_agents_and_says_that_nothing_is_left(
    tmp_path: Path, three: list[Agent], program: Run, background: Background, how: str
) -> None:
    file = write(tmp_path, TREE, ports(three))
    running = background("run", file, "--run-id", f"to-be-canceled-{ME}")
    pids = [pid(tmp_path / f"{name}.host{n}") for n in (1, 2, 3) for name in ("pid1", "pid2")]
    if how == "interrupt":
        running.send_signal(signal.SIGINT)
    else:
        done = program("cancel", f"to-be-canceled-{ME}")
        assert "survivors: 0" in done.stdout
    assert running.wait() == 3
    assert not any(alive(each) for each in pids)
    record = json.loads(program("show", f"to-be-canceled-{ME}", "-o", "json").stdout)
    assert record["status"] == "canceled"


def test_tokens_and_where_they_are_not(
    tmp_path: Path, program: Run, background: Background
) -> None:
    token = "very-secret-token"
    (tmp_path / "token").write_text(token + "\n")
    (tmp_path / "token").chmod(0o600)
    steps = """
  - name: look
    action: shell.run
    args: {{script: "env; echo $PPID; [ -z \\"$agent_token\\" ]"}}
"""
    with agent(tmp_path / "agent0", "--token-file", str(tmp_path / "token")) as one:
        file = write(tmp_path, steps, [one.port])
        for words, env in (
            (("--token", token), {}),
            (("--token-file", "token"), {}),
            ((), {"RUNYARD_AGENT_TOKEN": token}),
        ):
            done = program("run", file, "--limit", "host1", "-o", "jsonl", *words, **env)
            assert done.returncode == 0, done.stderr
            assert token not in done.stdout + done.stderr
        done = program("run", file, "--limit", "host1", "--token", token)
        assert "`ps` shows --token" in done.stderr
        done = program("run", file, "--limit", "host1")
        assert done.returncode == 1
        assert "token mismatch on host1: the agent and this run must use the same token" in (
            done.stdout
        )

        own = file.read_text().replace(
            f'"http://127.0.0.1:{one.port}"',
            f'"http://127.0.0.1:{one.port}", vars: {{agent_token: "${{secret:T}}"}}',
        )
        file.write_text(own)
        done = program("run", file, "--limit", "host1", RUNYARD_SECRET_T=token)
        assert done.returncode == 0, done.stdout
        assert token not in done.stdout + done.stderr
    state = b"".join(
        path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()
    )
    assert token.encode() not in state


OFFLINE = """
  - name: talk
    action: cmd.run
    args: {{cmd: "echo hello"}}
  - name: again
    action: cmd.run
    args: {{cmd: "echo again"}}
"""


def test_an_absent_agent_fails_with_a_hint(tmp_path: Path, program: Run) -> None:
    with agent(tmp_path / "agent0") as one:
        file = write(tmp_path, OFFLINE, [one.port])
        done = program("run", file, "--limit", "host1,host2")
    assert done.returncode == 1
    assert (
        "cannot reach the agent of host2 at http://127.0.0.1:1: Connection refused" in done.stdout
    )
    assert "--local" in done.stdout


def test_an_absent_agent_is_left_out(tmp_path: Path, program: Run) -> None:
    with agent(tmp_path / "agent0") as one:
        file = write(tmp_path, OFFLINE, [one.port], offline="skip")
        done = program("run", file, "--limit", "host1,host2")
    assert done.returncode == 0
    assert "the run goes on without host2" in done.stdout
    assert "2 skipped" in done.stdout.splitlines()[-1]


def test_an_absent_agent_is_waited_for_while_others_work(
    tmp_path: Path, program: Run, background: Background
) -> None:
    with agent(tmp_path / "agent0") as one, agent(tmp_path / "agent1") as two:
        file = write(
            tmp_path,
            OFFLINE,
            [one.port, two.port],
            offline={"policy": "wait", "deadline": "60s"},
            defaults={"concurrency": 1},
        )
        file.write_text(file.read_text().replace("[host1, host2, host3]", "[host2, host1]"))
        one.kill()
        running = background("run", file, "--limit", "host1,host2", "-o", "plain")
        assert running.stdout is not None
        said = []
        for line in running.stdout:
            said.append(line)
            if "host2 | hello" in line:
                break
        assert any("waiting up to" in line and "host1" in line for line in said)
        one.start()
        rest = running.stdout.read()
        assert running.wait() == 0, "".join(said) + rest
        assert "host1 is back after" in rest
        assert "host1 | hello" in rest and "host1 | again" in rest


def test_waiting_in_vain_ends_with_the_deadline(tmp_path: Path, program: Run) -> None:
    offline = {"policy": "wait", "deadline": "1s"}
    done = program("run", write(tmp_path, OFFLINE, [1], offline=offline), "--limit", "host1")
    assert done.returncode == 1
    assert "host1 did not come within 1.00s" in done.stdout


def test_http_and_ports_are_looked_at_from_the_agent(tmp_path: Path, program: Run) -> None:
    steps = """
  - name: wait
    action: wait.until
    args: {{tcp: "127.0.0.1:{port}", timeout: 20s}}
  - name: ask
    action: http.request
    args: {{url: "http://127.0.0.1:{port}/health"}}
  - name: not there
    action: wait.until
    args: {{tcp: "127.0.0.1:1", timeout: 1s, interval: 200ms}}
    continue_on_error: true
"""
    with agent(tmp_path / "agent0") as one:
        file = write(tmp_path, steps.replace("{port}", str(one.port)), [one.port])
        done = program("run", file, "--limit", "host1", "--run-id", f"looked-around-{ME}")
        assert done.returncode == 0, done.stdout
        assert '"status":"ok"' in done.stdout.replace(" ", "")
        assert "timed out after 1s waiting for tcp 127.0.0.1:1" in done.stdout
        status, found = one.ask("GET", "/run-status", run_id=f"looked-around-{ME}")
    assert status == 200 and len(found["steps"]) == 3


def test_agents_are_looked_at(tmp_path: Path, program: Run) -> None:
    with agent(tmp_path / "agent0") as one, OriginalAgent(clock=-3600.0) as old:
        file = write(tmp_path, OFFLINE, [one.port, old.server_address[1]])
        done = program("agents", "-f", file)
        rows = [line.split() for line in done.stdout.splitlines()]
        assert done.returncode == 1
        assert [row[:2] for row in rows[1:4]] == [
            ["host1", "ok"], ["host2", "ok"], ["host3", "absent"],
        ]  # fmt: skip
        assert "host2: its clock is -3600 s off" in done.stdout
        assert "host3: cannot reach the agent of host3" in done.stdout
        done = program("agents", "-f", file, "host1,host2", "-o", "json")
        found = json.loads(done.stdout)
        assert done.returncode == 0
        assert [each["kind"] for each in found] == ["runyard", "original"]
        assert found[0]["version"] and found[0]["running"] == 0 and found[0]["platform"]
        assert "cmd.run" in found[0]["capabilities"]
        done = program("agents", f"http://127.0.0.1:{one.port}", "--token", "another")
        assert done.returncode == 1 and "refused" in done.stdout
        done = program("agents", f"http://u:secret-word@127.0.0.1:{one.port}")
        assert done.returncode == 2 and "error[ADDRESS]" in done.stderr
        assert "secret-word" not in done.stdout + done.stderr
        done = program("agents", f"http://127.0.0.1:{one.port}", "-o", "yaml")
        assert done.returncode == 0 and "state: ok" in done.stdout
