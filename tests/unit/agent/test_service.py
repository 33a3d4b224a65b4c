from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.install import Manager, install, uninstall
from runyard.agent.service import Service
from runyard.agent.settings import AgentSettings, Bounds, Tls
from runyard.agent.token import token_of
from runyard.model.errors import ConflictError, SystemFault, UsageError

NAME = "runyard-agent"


def service(root: Path, **more: Any) -> Service:
    kind = {name: more.pop(name, False) for name in ("user", "launchd")}
    name = more.pop("name", NAME)
    settings = AgentSettings(**more)
    return Service(name, settings, root, Path("/home/somebody"), kind["user"], kind["launchd"])


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def words(made: Service) -> list[str]:
    line = next(line for line in made.text().splitlines() if line.startswith("ExecStart="))
    return shlex.split(line.removeprefix("ExecStart="))


def test_where_the_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    list(install(service(tmp_path / "machine"), start=False))
    list(install(service(tmp_path / "user", user=True), start=False))
    list(install(service(tmp_path / "mac", user=True, launchd=True), start=False))
    assert files(tmp_path) == {
        "machine/etc/systemd/system/runyard-agent.service",
        "machine/etc/runyard/runyard-agent.env",
        "user/home/somebody/.config/systemd/user/runyard-agent.service",
        "user/home/somebody/.config/runyard/runyard-agent.env",
        "mac/home/somebody/Library/LaunchAgents/runyard-agent.plist",
        "mac/home/somebody/.config/runyard/runyard-agent.env",
    }
    secrets = list(tmp_path.rglob("*.env"))
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}


def test_installing_again_changes_what_is_different_and_keeps_the_token(tmp_path: Path) -> None:
    first = list(install(service(tmp_path), start=True))
    assert [line.split()[0] for line in first[:2]] == ["wrote", "wrote"]
    assert "nothing was started" in first[2]
    made = service(tmp_path)
    token = made.secret.read_text()
    again = list(install(made, start=True))
    assert [line.split()[0] for line in again[:2]] == ["unchanged:", "unchanged:"]
    other = service(tmp_path, addresses=(":7099",))
    assert [line.split()[0] for line in install(other, start=True)][:2] == ["unchanged:", "wrote"]
    assert ":7099" in other.unit.read_text()
    assert other.secret.read_text() == token
    given = service(tmp_path, token="mine-and-only-mine")
    list(install(given, start=True))
    assert given.secret.read_text() != token
    assert "mine-and-only-mine" in given.secret.read_text()
    assert "mine-and-only-mine" not in given.unit.read_text()
    assert "mine-and-only-mine" not in given.printed()
    list(install(service(tmp_path), start=True))
    assert "mine-and-only-mine" in given.secret.read_text()


def test_uninstalling_removes_that_and_nothing_else(tmp_path: Path) -> None:
    list(install(service(tmp_path), start=False))
    list(install(service(tmp_path, name="second"), start=False))
    beside = tmp_path / "etc" / "runyard" / "other"
    beside.touch()
    assert len(list(uninstall(service(tmp_path)))) == 2
    assert files(tmp_path) == {
        "etc/runyard/other",
        "etc/runyard/second.env",
        "etc/systemd/system/second.service",
    }
    assert "nothing to remove" in next(uninstall(service(tmp_path)))


@pytest.mark.parametrize("which", ["unit", "secret"])
def test_files_of_others_are_left_alone(tmp_path: Path, which: str) -> None:
    made = service(tmp_path)
    path: Path = getattr(made, which)
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(ConflictError, match="was not written by"):
        list(install(made, start=False))
    with pytest.raises(ConflictError, match="was not written by"):
        list(uninstall(made))
    assert files(tmp_path) == {str(path.relative_to(tmp_path))}
    assert path.read_text() == "mine"


def test_options_stand_in_the_unit_and_come_out_again(tmp_path: Path) -> None:
    made = service(
        tmp_path,
        addresses=("0.0.0.0:7072", ":7073"),
        state=Path("/srv/a b"),
        tls=Tls(Path("/c.pem"), Path("/k.pem"), Path("/ca.pem")),
        labels={"zone": 'e"u %h $HOME'},
        bounds=Bounds(tasks=3, keep_for=90.5, output=5 << 40),
        verbose=True,
    )
    said = words(made)
    assert said[said.index("agent") + 1 :] == [
        *("--addr", "0.0.0.0:7072", "--addr", ":7073", "--state", "/srv/a b"),
        *("--tls-cert", "/c.pem", "--tls-key", "/k.pem", "--client-ca", "/ca.pem"),
        *("--label", 'zone=e"u %%h $$HOME', "--max-tasks", "3"),
        *("--max-output", "5497558138880", "--keep-for", "90.5", "--verbose"),
    ]
    assert "KillMode=process" in made.text()
    assert "Restart=on-failure" in made.text()
    assert "EnvironmentFile=/etc/runyard/runyard-agent.env" in made.text()


def test_what_cannot_stand_in_a_unit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="control characters"):
        service(tmp_path, labels={"a": "b\nExecStart=evil"}).text()
    with pytest.raises(UsageError, match="is no address"):
        list(install(service(tmp_path, addresses=("7072",)), start=False))
    for name in ("../x", "", "a b", "-x", "x" * 65):
        with pytest.raises(UsageError, match="--name"):
            Service.of(name, AgentSettings())
    assert files(tmp_path) == set()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd")
@pytest.mark.parametrize("user", [False, True])
def test_systemd_takes_the_unit(tmp_path: Path, user: bool) -> None:
    made = service(tmp_path, user=user, labels={"a": "b c"})
    path = tmp_path / f"{NAME}.service"
    path.write_text(made.text())
    verify = ["systemd-analyze", "verify", "--man=no", *(["--user"] if user else []), str(path)]
    done = subprocess.run(verify, capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if NAME in line and "binary" not in line]
    assert told == []


def test_launchd_takes_the_list(tmp_path: Path) -> None:
    made = service(tmp_path, user=True, launchd=True, labels={"a": "<b> & c"})
    found = plistlib.loads(made.text().encode())
    assert found["Label"] == NAME
    assert "a=<b> & c" in found["ProgramArguments"]
    secret = found["ProgramArguments"][-1]
    assert secret == str(Path("/") / made.secret.relative_to(tmp_path))
    assert found["AbandonProcessGroup"] is True
    list(install(made, start=False))
    token = made.token_in(made.secret.read_text())
    assert len(token) >= 32
    list(install(replace(made, settings=AgentSettings()), start=False))
    assert made.token_in(made.secret.read_text()) == token


SYSTEMCTL = """#!/bin/sh
echo "$@" >>{log}
case "$*" in *restart*) [ ! -e {log}.broken ] || {{ echo it is broken >&2; exit 1; }};; esac
"""


@pytest.mark.parametrize("user", [False, True])
def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: bool) -> None:
    log, program = tmp_path / "log", tmp_path / "systemctl"
    program.write_text(SYSTEMCTL.format(log=log))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(Manager, "here", Manager)
    made = service(tmp_path / "root", user=user)
    option = "--user " if user else ""

    def told() -> list[str]:
        lines = log.read_text().splitlines()
        log.unlink()
        assert all(line.startswith(option) for line in lines)
        return [line.removeprefix(option) for line in lines]

    said = list(install(made, start=False))
    assert told() == ["daemon-reload"]
    assert f"systemctl {option}enable --now runyard-agent" in said[2]
    assert ("enable-linger" in said[-1]) is user
    list(install(made, start=True))
    assert told() == ["daemon-reload", "enable runyard-agent", "start runyard-agent"]
    list(install(replace(made, settings=AgentSettings(verbose=True)), start=True))
    assert told() == ["daemon-reload", "enable runyard-agent", "restart runyard-agent"]
    log.with_name("log.broken").touch()
    with pytest.raises(SystemFault, match="it is broken"):
        list(install(made, start=True))
    told()
    list(uninstall(made))
    assert told() == ["disable --now runyard-agent", "daemon-reload"]
    assert files(tmp_path / "root") == set()


@pytest.mark.parametrize("mac", [False, True], ids=["systemd", "launchd"])
@pytest.mark.parametrize(
    "token", ["back\\slash", '"quote', "'quote'", "RUNYARD_AGENT_TOKEN=x", "a#b"]
)
def test_a_token_stays_the_same(tmp_path: Path, token: str, mac: bool) -> None:
    made = service(tmp_path, user=True, launchd=mac, token=token)
    list(install(made, start=False))
    assert made.token_in(made.secret.read_text()) == token
    before = made.secret.read_text()
    list(install(service(tmp_path, user=True, launchd=mac), start=False))
    assert made.secret.read_text() == before
    if mac:  # who starts it reads the file itself
        assert (
            token_of(replace(made.settings, token="", token_file=str(made.secret)), ()).value
            == token
        )


def test_a_token_that_a_file_takes_for_a_comment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not begin with #"):
        list(install(service(tmp_path, user=True, launchd=True, token="#token"), start=False))
    assert files(tmp_path) == set()
