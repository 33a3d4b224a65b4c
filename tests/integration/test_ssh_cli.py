"""Whole runs over SSH with the installed program: workflows, deaths, resumes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PROGRAM, Run
from tests.integration.relays import root_of
from tests.integration.sshd import Sshd, new_key
from tests.integration.users import words_of


@pytest.fixture
def place(sshd: Sshd) -> Iterator[Path]:
    """A directory of the user at the far side."""
    folder = sshd.user.home / "place"
    folder.mkdir()
    os.chown(folder, sshd.user.uid, sshd.user.gid)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def started(tmp_path: Path, sshd: Sshd) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the program beside the test; it is ended with it."""
    processes: list[subprocess.Popen[str]] = []

    def start(*args: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [PROGRAM, *args],
            cwd=tmp_path,
            env={**os.environ, "RUNYARD_STATE": str(tmp_path / "state")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def workflow(folder: Path, sshd: Sshd, steps: str, *, hosts: int = 1, extra: str = "") -> Path:
    """A document with `hosts` names of the server."""
    named = "".join(
        f'    h{n}: {{address: "{sshd.address}", identity: {sshd.key}, vars: {{N: {n}}}}}\n'
        for n in range(hosts)
    )
    path = folder / "w.yaml"
    path.write_text(f"version: v0.1\nname: w\n{extra}inventory:\n  hosts:\n{named}steps:\n{steps}")
    return path


def test_a_workflow_on_several_hosts(tmp_path: Path, sshd: Sshd, place: Path, program: Run) -> None:
    (tmp_path / "motd.tpl").write_text("host ${N} of ${WHO}\n")
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    file = workflow(
        tmp_path,
        sshd,
        f"""\
  - name: who
    action: cmd.run
    args: {{cmd: 'echo "BOPS_EXPORT:WHO=$(id -un)"', export_vars: true}}
  - name: copy
    action: file.copy
    args: {{src: {tmp_path}/file, dest: '{place}/copy-${{N}}'}}
  - name: render
    action: template.render
    args: {{src: motd.tpl, dest: '{place}/motd-${{N}}'}}
  - name: fetch
    action: file.fetch
    args: {{src: '{place}/motd-${{N}}', dest: '{tmp_path}/got/'}}
  - name: facts
    action: cmd.run
    when: '${{facts.user}} == "{sshd.user.name}"'
    args: {{cmd: 'echo known'}}
""",
        hosts=3,
    )
    done = program("run", file, "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    for n in range(3):
        assert (place / f"motd-{n}").read_text() == f"host {n} of {sshd.user.name}\n"
        assert (place / f"copy-{n}").read_bytes() == (tmp_path / "file").read_bytes()
        assert (place / f"copy-{n}").owner() == sshd.user.name
    logs = program("logs", "last")
    assert logs.stdout.count("known") == 3
    assert {path.read_text() for path in (tmp_path / "got").rglob("motd-*")} == {
        f"host {n} of {sshd.user.name}\n" for n in range(3)
    }
    record = json.loads(done.stdout)
    assert record["status"] == "success"
    if os.geteuid() == 0:
        until(lambda: sshd.user.processes() == [])
    assert list((root_of(sshd.user.home) / "runs").glob("*")) == []


def test_output_is_seen_while_it_is_made(
    tmp_path: Path, sshd: Sshd, place: Path, started: Callable[..., subprocess.Popen[str]]
) -> None:
    wait = f"echo early; while ! [ -e {place}/go ]; do sleep 0.05; done; echo late"
    steps = f"  - {{name: s, action: cmd.run, args: {{cmd: '{wait}'}}}}\n"
    process = started("run", workflow(tmp_path, sshd, steps))
    assert process.stdout is not None
    for line in process.stdout:
        if "early" in line:
            (place / "go").touch()
        if "late" in line:
            break
    assert process.wait() == 0


@pytest.mark.parametrize("server_too", [False, True])
def test_a_killed_dispatcher_and_a_resume(
    tmp_path: Path,
    sshd: Sshd,
    place: Path,
    program: Run,
    started: Callable[..., subprocess.Popen[str]],
    server_too: bool,
) -> None:
    """What ran goes on, its lines are all there, and its effects happen once."""
    count = (
        f"echo start >>{place}/starts; i=0; while [ $i -lt 60 ]; do i=$((i+1)); "
        f"echo line $i; echo $i >>{place}/effects-$N; sleep 0.05; done"
    )
    steps = (
        f"  - {{name: first, action: cmd.run, args: {{cmd: 'echo x >>{place}/first'}}}}\n"
        f"  - {{name: count, action: cmd.run, args: {{cmd: '{count}'}}}}\n"
    )
    process = started("run", workflow(tmp_path, sshd, steps, hosts=2), "--run-id", "killed-run")
    until(lambda: all(lines(place / f"effects-{n}") > 5 for n in range(2)))
    process.send_signal(signal.SIGKILL)
    process.wait()
    if server_too:
        sshd.stop()
        sshd.start()
    done = program("resume", "killed-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines(place / "starts") == lines(place / "first") == 2
    wanted = [f"line {n}" for n in range(1, 61)]
    for n in range(2):
        assert lines(place / f"effects-{n}") == 60
        said = program("logs", "killed-run", "--step", "count", "--host", f"h{n}").stdout
        assert [line.rpartition("| ")[2] for line in said.splitlines() if "| " in line] == wanted


def test_ctrl_c_ends_everything_at_the_far_side(
    tmp_path: Path, sshd: Sshd, place: Path, started: Callable[..., subprocess.Popen[str]]
) -> None:
    text = f'setsid sh -c "echo up >{place}/up; exec sleep 1000" & wait'
    steps = f"  - {{name: s, action: cmd.run, args: {{cmd: '{text}'}}}}\n"
    process = started("run", workflow(tmp_path, sshd, steps))
    until(lambda: (place / "up").exists())
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 3
    until(lambda: not any("1000" in words_of(pid) for pid in sshd.user.processes()))


def test_new_hosts_are_accepted_when_asked_to(tmp_path: Path, sshd: Sshd, program: Run) -> None:
    sshd.known_hosts.write_text("")
    steps = "  - {name: s, action: cmd.run, args: {cmd: echo in}}\n"
    file = workflow(tmp_path, sshd, steps, hosts=2)
    refused = program("run", file)
    assert refused.returncode == 1
    assert "is not known" in refused.stdout
    assert "--accept-new" in refused.stdout
    accepted = program("run", file, "--accept-new")
    assert accepted.returncode == 0, accepted.stdout
    assert sshd.known_hosts.read_text() == sshd.host_line()
    sshd.known_hosts.write_text(sshd.host_line(new_key(tmp_path / "other")))
    changed = program("run", file, "--accept-new")
    assert changed.returncode == 1
    assert "has changed" in changed.stdout


def test_a_host_that_refuses_us_is_not_waited_for(tmp_path: Path, sshd: Sshd, program: Run) -> None:
    sshd.known_hosts.write_text("")
    steps = "  - {name: s, action: cmd.run, args: {cmd: echo in}}\n"
    file = workflow(tmp_path, sshd, steps, extra="offline: wait\n")
    assert program("run", file).returncode == 1


def test_a_host_that_comes_up_later_is_waited_for(
    tmp_path: Path, sshd: Sshd, started: Callable[..., subprocess.Popen[str]]
) -> None:
    steps = "  - {name: s, action: cmd.run, args: {cmd: echo in}}\n"
    file = workflow(tmp_path, sshd, steps, extra="offline: wait\n")
    sshd.stop()
    process = started("run", file)
    assert process.stdout is not None
    for line in process.stdout:
        if "waiting for h0" in line:
            sshd.start()
    assert process.wait() == 0


def test_exec_and_facts(tmp_path: Path, sshd: Sshd, program: Run) -> None:
    file = workflow(
        tmp_path, sshd, "  - {name: s, action: cmd.run, args: {cmd: 'true'}}\n", hosts=2
    )
    said = program("exec", "-i", inventory(file), "all", "--", "id", "-un")
    assert said.stdout.count(sshd.user.name) >= 2, said.stdout + said.stderr
    facts = program("facts", "-i", inventory(file), "-o", "json")
    assert facts.returncode == 0, facts.stdout + facts.stderr
    assert facts.stdout.count(f'"user": "{sshd.user.name}"') == 2


def inventory(file: Path) -> Path:
    """The inventory of a document, as a file of its own."""
    text = file.read_text()
    hosts = text[text.index("  hosts:") : text.index("steps:")]
    path = file.with_name("hosts.yaml")
    path.write_text(hosts.replace("\n  ", "\n").removeprefix("  "))
    return path


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
