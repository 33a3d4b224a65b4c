"""A remote host for tests: our relay as a child, in a home of its own, with a link to cut."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
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

    def __init__(self, home: Path, run_id: str = RUN, python: str = "") -> None:
        self.home = home
        self.dials = 0
        self.absent = False
        self._words = boot.words(run_id, python)
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
        sock = await self._between(ours)
        link, _ = await loop.create_unix_connection(lambda: arrival, sock=sock)
        self._links.append(link)
        await arrival.wait()

    async def _between(self, sock: socket.socket) -> socket.socket:
        """The link, given the far side's end of it."""
        return sock

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


class StallingDialer(RelayDialer):
    """Its links may hold what passes, and give it on later: also what was sent by who has left.

    Attributes:
        up: for each link, in order, whether bytes pass to the far side.
        down: whether any come from there.
    """

    def __init__(self, home: Path, run_id: str = RUN) -> None:
        super().__init__(home, run_id)
        self.up: list[asyncio.Event] = []
        self.down = asyncio.Event()
        self.down.set()
        self._pumps: list[asyncio.Task[None]] = []
        self._ends: list[socket.socket] = []

    async def _between(self, sock: socket.socket) -> socket.socket:
        ours, theirs = socket.socketpair()
        for each in (sock, theirs):
            each.setblocking(False)
            self._ends.append(each)
        self.up.append(asyncio.Event())
        self.up[-1].set()
        self._pumps += [
            asyncio.ensure_future(_pump(theirs, sock, self.up[-1])),
            asyncio.ensure_future(_pump(sock, theirs, self.down)),
        ]
        return ours

    async def wake(self) -> None:
        """Let everything pass, to its very end."""
        for gate in (*self.up, self.down):
            gate.set()
        self.cut()
        await asyncio.gather(*self._pumps)
        for end in self._ends:
            end.close()
        for relay in self._relays:
            await relay.wait()

    async def close(self) -> None:
        """What is held stays held, whoever leaves."""


async def _pump(inward: socket.socket, outward: socket.socket, gate: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        while data := await loop.sock_recv(inward, 65536):
            await gate.wait()
            await loop.sock_sendall(outward, data)
    await gate.wait()
    with suppress(OSError):
        outward.shutdown(socket.SHUT_WR)


def remote(
    tmp_path: Path, name: str = "far", epoch: int = 1
) -> tuple[RemoteConnector, RelayDialer]:
    """A connector to a host whose home is `tmp_path/far`, with its dialer."""
    home = tmp_path / "far"
    home.mkdir(exist_ok=True)
    dialer = RelayDialer(home)
    return RemoteConnector(name, dialer, tmp_path / "here" / "output", RUN, epoch), dialer
