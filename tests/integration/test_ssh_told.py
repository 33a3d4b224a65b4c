"""Configurations and keys of SSH as people have them, and failures told as they are."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest

from runyard.hosts.inventory import Host
from runyard.model.errors import NetworkError
from tests.integration.sshd import Sshd, free_port, new_key
from tests.integration.test_ssh_connect import agent, refused, says
from tests.integration.users import needed


@pytest.mark.parametrize("rest", ["", "Host *\n  ServerAliveInterval 30\n"])
@pytest.mark.parametrize("path", ["config.d/*", "~/.ssh/config.d/*", '"config.d/web"'])
def test_a_configuration_that_includes_others(
    tmp_path: Path, sshd: Sshd, path: str, rest: str
) -> None:
    more = sshd.config.parent / "config.d" / "web"
    more.parent.mkdir(exist_ok=True)
    more.write_text(
        f"Host web\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.user.name}\n"
        f"  IdentityFile {sshd.key}\n"
    )
    sshd.config.write_text(f"Include {path}\n{rest}")
    assert says(tmp_path, Host("x", "ssh://web"), "id -un") == f"{sshd.user.name}\n"


@pytest.mark.parametrize("beside", [False, True])
def test_keys_that_only_an_agent_has(
    tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    """Named by their public halves: in the configuration, or as a host's identity."""
    public = tmp_path / "only.pub"
    copy(f"{sshd.key}.pub", public)
    named = tmp_path / "only" if beside else public
    with agent(tmp_path / "agent") as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        subprocess.run([needed("ssh-add"), "-q", sshd.key], check=True, capture_output=True)
        assert says(tmp_path, sshd.host(identity=str(named)), "echo in") == "in\n"
        sshd.config.write_text(f"Host *\n  IdentityFile {named}\n  IdentitiesOnly yes\n")
        assert says(tmp_path, Host("x", sshd.address), "echo in") == "in\n"


def test_what_an_agent_has_shown(
    tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_key(tmp_path / "other")
    with agent(tmp_path / "agent") as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        error = refused(tmp_path, Host("x", sshd.address))
        assert "no key of ssh-agent" in error.message
        subprocess.run([needed("ssh-add"), "-q", other], check=True, capture_output=True)
        assert "1 key of ssh-agent" in refused(tmp_path, Host("x", sshd.address)).message
        sshd.config.write_text(f"Host *\n  IdentityFile {tmp_path}/none\n  IdentitiesOnly yes\n")
        error = refused(tmp_path, Host("x", sshd.address))
        assert "ssh-agent" not in error.message and "no key, having none" in error.message
        sshd.config.write_text(f"Host *\n  IdentityFile {sshd.key}.pub\n  IdentitiesOnly yes\n")
        assert "no named key of ssh-agent" in refused(tmp_path, Host("x", sshd.address)).message
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    sshd.config.unlink()
    assert "does not answer" in refused(tmp_path, Host("x", sshd.address)).message


def test_who_is_not_let_in_is_named(tmp_path: Path, sshd: Sshd) -> None:
    wrong = str(new_key(tmp_path / "wrong"))
    by_address = refused(tmp_path, sshd.host(identity=wrong))
    assert f"{sshd.user.name}@127.0.0.1:{sshd.port} does not let us in" in by_address.message
    assert "user" not in by_address.hint
    sshd.config.write_text(f"Host web\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User nobody\n")
    host = Host("x", "ssh://web", options={"identity": wrong})
    by_configuration = refused(tmp_path, host)
    assert by_configuration.message.startswith(f"nobody@web (127.0.0.1:{sshd.port}) does not")
    assert "user" not in by_configuration.hint
    bare = replace(host, address=f"ssh://127.0.0.1:{sshd.port}")
    assert "name the user" in refused(tmp_path, bare).hint


def test_accept_new_remembers_a_host_that_does_not_let_us_in(tmp_path: Path, sshd: Sshd) -> None:
    sshd.known_hosts.write_text("")
    host = sshd.host(identity=str(new_key(tmp_path / "wrong")))
    assert refused(tmp_path, host, accept_new=True).code == "SSH_AUTH"
    assert sshd.known_hosts.read_text() == sshd.host_line()


def test_an_unknown_host_with_an_alias_can_be_scanned(tmp_path: Path, sshd: Sshd) -> None:
    sshd.known_hosts.write_text("")
    sshd.config.write_text("Host *\n  HostKeyAlias the-real-one\n")
    error = refused(tmp_path, sshd.host())
    command = error.hint.rpartition("`ssh-keyscan")[2].partition("`")[0]
    assert command.startswith(f" -p {sshd.port} 127.0.0.1 | sed ")
    subprocess.run(f"ssh-keyscan{command}", shell=True, check=True, capture_output=True)
    assert says(tmp_path, sshd.host(), "echo in") == "in\n"


def test_a_jump_host_that_is_not_there_is_named_as_one(tmp_path: Path, sshd: Sshd) -> None:
    port = free_port()
    error = refused(tmp_path, sshd.host(jump=f"me@127.0.0.1:{port}"))
    assert (type(error), error.code) == (NetworkError, "CONNECTION_REFUSED")
    name = sshd.address.removeprefix("ssh://")
    assert error.message.startswith(f"jump host me@127.0.0.1:{port} of {name}: nothing listens")


def test_a_host_that_is_not_there_behind_a_jump_host(tmp_path: Path, sshd: Sshd) -> None:
    sshd.config.write_text(f"Host *\n  IdentityFile {sshd.key}\n")
    at, port = f"{sshd.user.name}@127.0.0.1:{sshd.port}", free_port()
    host = Host("x", f"ssh://127.0.0.1:{port}", options={"jump": at})
    error = refused(tmp_path, host)
    assert isinstance(error, NetworkError) and error.retryable
    assert error.message.startswith(f"127.0.0.1:{port} cannot be reached through the jump host: ")


@pytest.mark.parametrize("name", ["web1..example.com", f"{'a' * 70}.example.com"])
def test_what_can_be_no_name_of_a_host(tmp_path: Path, sshd: Sshd, name: str) -> None:
    error = refused(tmp_path, Host("x", f"ssh://{name}"))
    assert (type(error), error.code, error.retryable) == (NetworkError, "UNKNOWN_HOST", False)
    assert "label empty or too long" in error.message
