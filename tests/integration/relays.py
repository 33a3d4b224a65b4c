"""A remote host for tests: our relay as a child, in a home of its own, with a link to cut."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

from runyard.hosts import boot
from runyard.hosts.client import Client
from runyard.hosts.remote import RemoteConnector
from runyard.model.action import Work
from runyard.model.errors import NetworkError
from runyard.model.result import Outcome
from runyard.supervisor.relay import machine

RUN = "run-00000001"


def root_of(home: Path) -> Path:
    """Where the supervisors of a far side with that home keep what is theirs."""
    return home / ".local/state/runyard/remote" / machine()


class RelayDialer:
    """Implements `Dialer`: every dial starts the far side's command as sshd would."""

    def __init__(self, home: Path, run_id: str = RUN) -> None:
        self.home = home
        self.dials = 0
        self.absent = False
        self._words = boot.words(run_id)
        self._relays: list[asyncio.subprocess.Process] = []
        self._links: list[asyncio.BaseTransport] = []

    async def dial(self, client: Client) -> None:
        self.dials += 1
        if self.absent:
            raise NetworkError("the host is not there")
        ours, theirs = socket.socketpair()
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        with theirs:
            relay = await asyncio.create_subprocess_exec(
                *self._words, stdin=theirs.fileno(), stdout=theirs.fileno(), env=environment
            )
        self._relays.append(relay)
        arrival = boot.Arrival(client)
        loop = asyncio.get_running_loop()
        link, _ = await loop.create_unix_connection(lambda: arrival, sock=ours)
        self._links.append(link)
        await arrival.wait()

    def cut(self) -> None:
        """Break every connection that there is."""
        for link in self._links:
            link.abort()  # type: ignore[attr-defined]
        self._links.clear()

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return None

    async def socket(self, path: str) -> str:
        return path

    async def close(self) -> None:
        self.cut()
        for relay in self._relays:
            await relay.wait()


def remote(
    tmp_path: Path, name: str = "far", epoch: int = 1
) -> tuple[RemoteConnector, RelayDialer]:
    """A connector to a host whose home is `tmp_path/far`, with its dialer."""
    home = tmp_path / "far"
    home.mkdir(exist_ok=True)
    dialer = RelayDialer(home)
    return RemoteConnector(name, dialer, tmp_path / "here" / "output", RUN, epoch), dialer
