"""A host that has Python, or has not: found out when it is first reached, and kept to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

from runyard.hosts.no_python import NoPython
from runyard.hosts.plain_record import PlainRecord, interrupted
from runyard.hosts.remote import RemoteConnector
from runyard.hosts.shell import Shell
from runyard.model.action import Work
from runyard.model.connector import Connector, FileStat, Put
from runyard.model.execution import Exec, Exit
from runyard.model.progress import Progress
from runyard.model.result import Outcome


class EitherConnector:
    """Implements `Connector`: a RemoteConnector, or over `shell()` for want of a Python.

    `shell` is called at most once, when the first connection has said `no-python`; it may use
    what the dialer of `remote` shares, for that is closed last. `folder` is that of `remote`.
    """

    def __init__(
        self, name: str, remote: RemoteConnector, shell: Callable[[], Shell], folder: Path
    ) -> None:
        self._name = name
        self._remote = remote
        self._shell = shell
        self._folder = folder
        self._record = PlainRecord(folder)
        self._way: Connector = remote

    async def connect(self) -> None:
        if self._way is self._remote:
            try:
                await self._remote.connect()
                return
            except NoPython as error:
                self._settle(error.message)
        await self._way.connect()

    async def exec(self, work: Exec) -> Exit:
        # An earlier life may have had no Python there, and our advice was to install it.
        if self._way is self._remote and self._record.unfinished(work.attempt):
            raise interrupted(self._name, work.attempt)
        return await self._way.exec(work)

    async def recall(self, attempt: str) -> bool:
        return await self._way.recall(attempt)

    async def put(
        self,
        data: bytes | Path,
        dest: str,
        *,
        mode: int | None = None,
        owner: str | None = None,
        progress: Progress | None = None,
    ) -> Put:
        return await self._way.put(data, dest, mode=mode, owner=owner, progress=progress)

    def get(self, src: str) -> AsyncIterator[bytes]:
        return self._way.get(src)

    async def stat(self, path: str, *, digest: bool = False) -> FileStat | None:
        return await self._way.stat(path, digest=digest)

    async def probe(self) -> dict[str, str]:
        return await self._way.probe()

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return await self._way.perform(action, work)

    async def socket(self, path: str) -> str:
        return await self._way.socket(path)

    async def close(self, *, done: bool = False) -> None:
        if self._way is not self._remote:
            await self._way.close(done=done)
        await self._remote.close(done=done)

    def _settle(self, why: str) -> None:
        if self._way is self._remote:  # who comes at the same time hears it, too
            from runyard.hosts.plain import PlainConnector

            self._way = PlainConnector(self._name, self._shell(), self._folder, why)
