"""The one supervisor of an agent: joined, or started, again and again if it must be."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from runyard.hosts import launch
from runyard.hosts.client import Client
from runyard.hosts.local import LocalConnector
from runyard.hosts.order import ignore
from runyard.model.errors import FencedError, NetworkError, RunyardError
from runyard.model.ids import RUN_ID

OWNER = "agent"
_TRIES = 20
_LOG = logging.getLogger("runyard.agent")


class Yard:
    """Leads to the supervisor of the state directory `root`, under the epoch of this process.

    Our own connection to it stays open, so that it lives as long as we do; its attempts outlive
    us. It keeps the output of runs that come through doors below `root` as well.
    """

    def __init__(self, root: Path, epoch: int) -> None:
        self.root = root
        self.epoch = epoch
        self.closed = False
        self._main = self._connector()
        self._working: set[LocalConnector] = set()
        self._seen = ""
        self._looking = asyncio.Lock()

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[LocalConnector]:
        """A connector of its own, for one task: it remembers no other one's past."""
        connector = self._connector()
        self._working.add(connector)
        try:
            yield connector
        finally:
            self._working.discard(connector)
            await connector.close()

    async def client(self) -> Client:
        """Our own door; the supervisor is started when there is none.

        Raises:
            FencedError: another agent has taken our state directory. SystemFault, NetworkError.
        """
        return await self._main.reach()

    async def look_after(self) -> None:
        """See that there is a supervisor, and that what earlier ones have left is settled.

        Attempts of those are killed, as far as they live, and recorded as lost. A run about which
        that cannot be done keeps no other one from its doors. Raises as `client`.
        """
        async with self._looking:
            client = await self.client()
            if client.incarnation == self._seen:
                return
            for run in await asyncio.to_thread(self._runs):
                try:
                    await client.call({"verb": "recover", "run": run})
                except (NetworkError, FencedError):
                    raise
                except RunyardError as error:
                    _LOG.warning("what is left of %s cannot be settled: %s", run, error.message)
            self._seen = client.incarnation

    async def open(self, door: Client) -> None:
        """Connect `door` to the supervisor. Raises as `client`."""
        path = launch.socket_path(self.root, OWNER)
        for _ in range(_TRIES):
            await self.look_after()
            sock = launch.reach(path)
            if sock is not None:
                loop = asyncio.get_running_loop()
                await loop.create_unix_connection(lambda: door, sock=sock)
                return
            await asyncio.sleep(0.05)
        raise NetworkError("the supervisor cannot be reached")

    async def alive(self) -> set[str]:
        """Attempts that run. Raises as `client`."""
        reply, _ = await (await self.client()).call({"verb": "list"})
        return set(reply["live"])

    async def knows(self, attempt: str) -> bool:
        """True when `attempt` runs or has ended there. Raises as `client`."""
        reply, _ = await (await self.client()).call({"verb": "list", "attempt": attempt})
        return bool(reply["live"] or reply["ended"])

    async def forget(self, attempt: str) -> None:
        """The result of `attempt` is kept elsewhere. Never fails."""
        with suppress(RunyardError):
            client = await self.client()
            client.send({"verb": "forget", "attempt": attempt}).add_done_callback(ignore)

    async def clean(self, run: str) -> bool:
        """Remove what is kept of a run; False while attempts of it live."""
        with suppress(RunyardError):
            await (await self.client()).call({"verb": "clean", "run": run})
            return True
        return False

    async def close(self) -> None:
        """Leave it; attempts that run go on, and nobody here sees their ends."""
        self.closed = True
        for connector in (*self._working, self._main):
            await connector.close()

    def _connector(self) -> LocalConnector:
        home = os.path.expanduser("~")
        return LocalConnector(self.root, OWNER, self.epoch, cwd=home, rooted=True)

    def _runs(self) -> list[str]:
        with os.scandir(self.root / "runs") as entries:
            return [entry.name for entry in entries if RUN_ID.fullmatch(entry.name)]
