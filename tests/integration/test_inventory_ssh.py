"""An inventory of Ansible and a real SSH server: hosts are reached as it says."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROGRAM
from tests.integration.sshd import Sshd, server


@pytest.fixture(scope="module")
def far() -> Iterator[Sshd]:
    with server() as started:
        yield started


def run(folder: Path, far: Sshd, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *args],
        cwd=folder,
        env={**os.environ, **far.environment, "RUNYARD_STATE": str(folder / "state")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_run_and_facts(tmp_path: Path, far: Sshd) -> None:
    (tmp_path / "hosts").write_text(
        f"[far]\nweb[1:2] ansible_host=127.0.0.1\n\n[far:vars]\nansible_port={far.port}\n"
        f"ansible_user={far.user.name}\nansible_ssh_private_key_file={far.key}\nsite=there\n\n"
        "[near]\nhere ansible_connection=local\n"
    )
    (tmp_path / "w.yaml").write_text(
        "version: v0.1\nname: w\nsteps:\n"
        "  - {name: who, when: '${facts.user} == \"" + far.user.name + "\"', action: cmd.run,"
        " args: {cmd: 'echo $(id -un) at $site'}}\n"
    )
    done = run(tmp_path, far, "run", "w.yaml", "-i", "hosts", "--limit", "far", "--no-group")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("web1", "web2"):
        assert f"{name} | {far.user.name} at there" in done.stdout
    asked = run(tmp_path, far, "facts", "-i", "hosts", "-o", "json")
    assert asked.returncode == 0, asked.stdout + asked.stderr
    users = {each["host"]: each["facts"]["user"] for each in json.loads(asked.stdout)}
    assert users["web1"] == users["web2"] == far.user.name


def test_a_wrong_key_is_a_row_with_its_error(tmp_path: Path, far: Sshd) -> None:
    (tmp_path / "hosts").write_text(
        f"web1 ansible_host=127.0.0.1 ansible_port={far.port} ansible_user={far.user.name}"
        f" ansible_ssh_private_key_file={tmp_path}/none\nhere ansible_connection=local\n"
    )
    asked = run(tmp_path, far, "facts", "-i", "hosts", "-o", "json")
    assert asked.returncode == 1, asked.stdout + asked.stderr
    web1, here = json.loads(asked.stdout)
    assert str(tmp_path / "none") in web1["error"]["message"]
    assert here["facts"]["os"] == "linux"
