"""`runyard inventory`, `runyard facts`, and runs on hosts of an inventory beside the workflow."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from tests.acceptance.terminal import Terminal
from tests.conftest import PROGRAM, Run

HOSTS = """\
[web]
web1 color=red agent_token=hunter2hunter2
web2 color=blue
[db]
db1 ansible_host=192.0.2.9 ansible_user=ops
[site:children]
web
db
[site:vars]
where=lab
[web:vars]
ansible_connection=local
"""
WORKFLOW = """\
version: v0.1
name: w
steps:
  - {name: paint, targets: ['@web'], action: cmd.run, args: {cmd: 'echo $color in $where'},
     when: '${facts.os} == "linux"'}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hosts.ini").write_text(HOSTS)
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    return tmp_path


def test_the_table(folder: Path, program: Run) -> None:
    done = program("inventory", "-i", "hosts.ini")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "HOST  TRANSPORT  ADDRESS              GROUPS    VARIABLES",
        "web1  local      local                site,web  where=lab color=red agent_token=***",
        "web2  local      local                site,web  where=lab color=blue",
        "db1   ssh        ssh://ops@192.0.2.9  site,db   where=lab",
    ]


def test_options_have_a_column_when_there_are_any(folder: Path, program: Run) -> None:
    (folder / "own.yaml").write_text(
        "hosts:\n  a: {become: false, port: 22, vars: {x: y}}\n  b: {}\nbecome: root\n"
    )
    assert program("inventory", "-i", "own.yaml").stdout.splitlines() == [
        "HOST  TRANSPORT  ADDRESS  GROUPS  OPTIONS      VARIABLES",
        "a     local      -        -       port=22      x=y",
        "b     local      -        -       become=root  -",
    ]


def test_a_host_that_nothing_connects_to_fails_alone(folder: Path, program: Run) -> None:
    (folder / "mixed.ini").write_text("win ansible_connection=winrm\na ansible_connection=local\n")
    done = program("exec", "-i", "mixed.ini", "all", "--", "echo in")
    assert done.returncode == 1
    assert "| in" in done.stdout and "1 ok" in done.stdout
    assert 'address "winrm://win" is not valid' in done.stdout
    assert "worker" not in done.stdout + done.stderr


def test_patterns_as_data_without_secrets(folder: Path, program: Run) -> None:
    done = program("inventory", "@web", "!web2", "-i", "hosts.ini", "-o", "json")
    (found,) = json.loads(done.stdout)
    assert found == {
        "host": "web1",
        "transport": "local",
        "address": "local",
        "groups": ["site", "web"],
        "vars": {"where": "lab", "color": "red", "agent_token": "***"},
        "options": {},
    }
    listed = program("inventory", "--list", "-i", "hosts.ini").stdout
    assert "hunter2" not in done.stdout + listed
    assert json.loads(listed)["_meta"]["hostvars"]["db1"]["ansible_user"] == "ops"


def test_the_tree(folder: Path, program: Run) -> None:
    (folder / "w.yaml").write_text(
        WORKFLOW.replace("steps:", "inventory: {hosts: {mine: {}}}\nsteps:")
    )
    done = program("inventory", "--graph", "-i", "hosts.ini", "-f", "w.yaml")
    assert done.stdout.splitlines() == [
        "all",
        "├── @site",
        "│   ├── @web",
        "│   │   ├── web1",
        "│   │   └── web2",
        "│   └── @db",
        "│       └── db1",
        "└── mine",
    ]


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        ([], 2, "no inventory is given"),
        (["-i", "nowhere"], 2, "inventory 'nowhere' does not exist"),
        (["-i", "bad.ini"], 2, "bad.ini:1:1: error[IN001]: the section [web:chidren]"),
        (["wbe", "-i", "hosts.ini"], 2, 'did you mean "web"?'),
        (["--graph", "-o", "json", "-i", "hosts.ini"], 2, "--graph is for people"),
    ],
)
def test_refused(args: list[str], code: int, says: str, folder: Path, program: Run) -> None:
    (folder / "bad.ini").write_text("[web:chidren]\na\n")
    done = program("inventory", *args)
    assert done.returncode == code
    assert says in done.stderr


def test_a_workflow_without_hosts_runs_on_those_of_the_inventory(
    folder: Path, program: Run
) -> None:
    done = program("run", "w.yaml", "-i", "hosts.ini")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "web1 | red in lab" in done.stdout
    assert "web2 | blue in lab" in done.stdout
    assert "db1" not in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
    one = program(
        "run", "w.yaml", "-q", "-o", "json", "--limit", "web2", RUNYARD_INVENTORY="hosts.ini"
    )
    assert list(json.loads(one.stdout)["steps"][0]["hosts"]) == ["web2"]


def test_the_inventory_decides_what_is_a_target(folder: Path, program: Run) -> None:
    alone = program("validate", "w.yaml")
    assert alone.returncode == 2
    assert 'unknown target "@web"' in alone.stdout
    assert (
        program("validate", "w.yaml", "-i", "hosts.ini").stdout == "w.yaml: ok (1 step, 3 hosts)\n"
    )


def test_a_resume_needs_neither_file_nor_program(folder: Path, program: Run) -> None:
    script = folder / "inv"
    script.write_text(
        f"#!/bin/sh\necho called >> {folder}/calls\n"
        """echo '{"hosts": {"a": {"vars": {"N": 1}}, "b": {}},'\n"""
        """echo '"groups": {"g": {"hosts": ["a"]}}}'\n"""
    )
    script.chmod(0o755)
    (folder / "w.yaml").write_text(
        "version: v0.1\nname: w\nsteps:\n"
        "  - {name: first, action: cmd.run, args: {cmd: echo $N >> ran},"
        " rollback: {action: cmd.run, args: {cmd: echo undone $N}}}\n"
        "  - {name: gate, targets: [g], action: cmd.run, args: {cmd: test -e open}}\n"
    )
    assert program("run", "w.yaml", "-i", "inv").returncode == 1
    script.unlink()
    (folder / "open").touch()
    done = program("resume", "last")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted((folder / "ran").read_text().splitlines()) == ["", "1"]
    assert (folder / "calls").read_text() == "called\n"
    undone = program("rollback", "last")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert "a | undone 1" in undone.stdout


def test_a_plan_holds_the_inventory_too(folder: Path, program: Run) -> None:
    assert program("plan", "w.yaml", "-i", "hosts.ini", "--out", "p.json").returncode == 0
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    held = program("run", "--plan", folder / "p.json", folder / "w.yaml", cwd=elsewhere)
    assert held.returncode == 0, held.stdout + held.stderr
    (folder / "hosts.ini").write_text(HOSTS.replace("color=blue", "color=green"))
    drifted = program("run", "--plan", "p.json")
    assert drifted.returncode == 6
    assert "variables.web2.color: blue → green" in drifted.stderr


def test_facts(folder: Path, program: Run) -> None:
    done = program("facts", "web*", "-i", "hosts.ini")
    assert (done.returncode, done.stderr) == (0, "")
    head, one, two = done.stdout.splitlines()
    assert head.split() == ["HOST", "OS", "ARCH", "HOSTNAME", "USER", "PYTHON", "ANSWER"]
    assert one.split()[:3] == ["web1", "linux", os.uname().machine]
    assert two.endswith("ok")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    lost = program("facts", "-i", f"local,http://127.0.0.1:{port},", "-o", "json")
    assert lost.returncode == 1
    here, there = json.loads(lost.stdout)
    assert here["facts"]["os"] == "linux"
    assert there["facts"] == {}
    assert there["error"]["class"] == "network"
    assert program("facts", "-i", "hosts.ini", "--timeout", "soon").returncode == 2


def test_ctrl_c_shows_the_facts_that_are_known(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts = f"local,http://127.0.0.1:{silent.getsockname()[1]},"
        with Terminal([PROGRAM, "facts", "-i", hosts], cwd=folder) as terminal:
            terminal.until("1 of 2 hosts answered, waiting for 127.0.0.1")
            terminal.type("\x03")
            assert terminal.wait() == 130
    assert "local  linux" in terminal.text
    assert "stopped by Ctrl-C; no answer from 127.0.0.1" in terminal.text
