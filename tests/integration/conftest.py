"""What integration tests share: servers that are started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.dockerd import PYTHON, Daemon, daemon, python
from tests.integration.sshd import Sshd, server
from tests.integration.users import User, needed_root, new_user


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Daemon]:
    """A docker daemon for all tests of this process."""
    with daemon() as running:
        yield running


@pytest.fixture
def docker(dockerd: Daemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """That daemon for one test, found by the environment; no container of ours may be left."""
    monkeypatch.setenv("DOCKER_HOST", dockerd.address)
    yield dockerd
    left = [c["Names"] for c in dockerd.containers() if "runyard.attempt" in c["Labels"]]
    dockerd.clear()
    assert left == []


@pytest.fixture(scope="session")
def sshd_of_session() -> Iterator[Sshd]:
    with server() as running:
        yield running


@pytest.fixture
def sshd(sshd_of_session: Sshd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """The session's SSH server, trusted, with this process in its client's place."""
    running = sshd_of_session
    running.fresh()
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    yield running
    running.start()  # a test may have stopped it


@pytest.fixture(scope="session")
def other_user() -> Iterator[User]:
    """Somebody else on this machine, without any rights."""
    needed_root()
    with new_user("o") as user:
        yield user


@pytest.fixture(scope="session")
def python_image(dockerd: Daemon) -> str:
    """The name of an image with Python in it."""
    dockerd.load(PYTHON, python())
    return PYTHON
