"""Connecting before asyncssh is there: only where no configuration can lead elsewhere."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from runyard.hosts.ssh import early
from runyard.hosts.ssh.early import Early
from runyard.hosts.ssh.target import Target


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    monkeypatch.setattr(early, "CONFIGS", (str(path), str(tmp_path / "missing")))
    return path


@pytest.fixture
def port() -> object:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def connected(target: Target, times: int = 1, most: int = 10) -> int:
    """How many of `times` tries give a connection."""

    async def run() -> int:
        maker = Early(most)
        socks = [await maker.connect(target) for _ in range(times)]
        for sock in socks:
            if sock is not None:
                sock.close()
        return sum(sock is not None for sock in socks)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "text",
    ["", "# HostName x\nHost *\n  SendEnv LANG\n  User me\n", "Include /no/such/folder/*.conf\n"],
)
def test_a_harmless_configuration(config: Path, port: int, text: str) -> None:
    config.write_text(text)
    assert connected(Target("127.0.0.1", port=port)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Host x\n  HostName y\n",
        "ProxyJump=bastion\n",
        "Match all\n",
        "proxycommand nc %h %p\n",
        "SomethingNew yes\n",
        b"\xff\xfe",
    ],
)
def test_one_that_may_lead_elsewhere(config: Path, port: int, text: str | bytes) -> None:
    config.write_bytes(text.encode() if isinstance(text, str) else text)
    assert connected(Target("127.0.0.1", port=port)) == 0


def test_one_that_includes_another(config: Path, port: int, tmp_path: Path) -> None:
    (tmp_path / "more.conf").write_text("Host *\n")
    config.write_text(f"Include {tmp_path}/*.conf\n")
    assert connected(Target("127.0.0.1", port=port)) == 0


def test_no_more_than_a_server_takes(config: Path, port: int) -> None:
    assert connected(Target("127.0.0.1", port=port), times=5, most=3) == 3


def test_what_fails_is_left_to_others(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    assert connected(Target("127.0.0.1", port=free)) == 0
    assert connected(Target("no-such-name.invalid")) == 0
    assert connected(Target("127.0.0.1", port=free, jump="bastion")) == 0
