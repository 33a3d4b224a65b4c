"""Real `runyard agent` processes for acceptance tests, beside an SSH server where one is wanted."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.agent_process import Agent as Agent
from tests.integration.agent_process import end
from tests.integration.sshd import Sshd, server


class Agents:
    """`agents()` starts one on any port; `agents.host(agent)` is its place in a workflow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Agent] = []

    def __call__(self, *options: str, addr: str = "127.0.0.1:0", **env: str) -> Agent:
        """A running agent with a state directory of its own."""
        made = Agent(self._folder / f"agent-{len(self._made)}", *options, addr=addr)
        self._made.append(made)
        return made.start(**env)

    @staticmethod
    def host(agent: Agent, port: int = 0, **options: Any) -> dict[str, Any]:
        """As under `inventory.hosts`, by another port when there is a proxy before it."""
        return {"address": f"http://127.0.0.1:{port or agent.port}", **options}

    def close(self) -> None:
        """End all of them, and what they have started."""
        for made in self._made:
            end(made)


@contextmanager
def some_agents() -> Iterator[Agents]:
    """Agents that end with the block, whatever was done to them."""
    folder = Path(tempfile.mkdtemp(prefix="runyard-a-", dir="/tmp"))
    made = Agents(folder)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder)


@pytest.fixture
def agents() -> Iterator[Agents]:
    """Agents of one test."""
    with some_agents() as made:
        yield made


@pytest.fixture(scope="session")
def server_of_session() -> Iterator[Sshd]:
    with server() as running:
        yield running


@pytest.fixture
def sshd(server_of_session: Sshd) -> Iterator[Sshd]:
    """An SSH server for an ordinary user, who has nothing of ours yet in her home."""
    server_of_session.fresh()
    yield server_of_session
    server_of_session.start()  # a test may have stopped it


def far(sshd: Sshd, port: int = 0, **options: Any) -> dict[str, Any]:
    """The server as under `inventory.hosts`, by another port when there is a proxy before it."""
    where = f"ssh://{sshd.user.name}@127.0.0.1:{port or sshd.port}"
    found: dict[str, Any] = {"address": where, "identity": str(sshd.key), **options}
    if port:
        known = sshd.client / f"known-{port}"
        known.write_text(sshd.host_line(name=f"[127.0.0.1]:{port}"))
        found["known_hosts"] = str(known)
    return found


@contextmanager
def open_place() -> Iterator[Path]:
    """A directory that every user of this machine may write into.

    In it are the file `starts`, for side effects to count, and `stay`, for as long as steps of
    tests are to go on: they end with the test, however that ends.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="runyard-p-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder)
        folder.chmod(0o777)  # not sticky: there nobody could append to another one's file
        for name in ("starts", "stay"):
            (folder / name).touch()
            (folder / name).chmod(0o666)
        yield folder


@pytest.fixture
def place() -> Iterator[Path]:
    """An `open_place` for one test."""
    with open_place() as folder:
        yield folder


def is_free(port: int) -> bool:
    """Whether nobody listens at a port of 127.0.0.1, and it can be had."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
