"""A host with a POSIX shell and no Python: work is started there, and that is all it promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from runyard.hosts.plain_ask import Questions
from runyard.hosts.plain_exec import PlainAttempt
from runyard.hosts.plain_files import PlainFiles
from runyard.hosts.plain_record import PlainRecord, interrupted
from runyard.hosts.shell import Shell
from runyard.hosts.supervised import MAX_STDIN
from runyard.model.action import Work
from runyard.model.connector import FileStat, Put
from runyard.model.errors import ArgumentError, HostLost, NetworkError, SystemFault
from runyard.model.execution import Exec, Exit
from runyard.model.progress import Progress
from runyard.model.result import Outcome

LIMIT = 8
"""Attempts at once on one host; servers of SSH allow ten channels on a connection."""


class PlainConnector:
    """Implements `Connector` over a `Shell`, without a supervisor at the far side.

    What it cannot do: prove that nothing is left of an attempt (it ends the session and whoever
    bears the attempt's mark), go on with an attempt after its connection broke (HostLost, then
    `INTERRUPTED`), bound memory, processes or CPU time. The first exit says so in a warning, and
    `why` there is no supervisor. Times are those of this machine's clock; CPU time and memory are
    not known.
    """

    def __init__(
        self, name: str, shell: Shell, folder: Path, why: str = "no python3 there"
    ) -> None:
        self._name = name
        self._why = why
        self._shell = shell
        self._folder = folder
        self._questions = Questions(name, shell)
        self._files = PlainFiles(self._questions)
        self._record = PlainRecord(folder)
        self._slots = asyncio.Semaphore(LIMIT)
        self._reached = False
        self._warned = False

    async def connect(self) -> None:
        """Raises SystemFault, `NO_SHELL`, when there is no POSIX shell."""
        if not self._reached:
            await self._questions.ask(":")
            self._reached = True

    async def close(self, *, done: bool = False) -> None:
        await self._shell.close()

    async def exec(self, work: Exec) -> Exit:
        """Raises SystemFault, `INTERRUPTED`, for one that was started and is out of sight."""
        if self._record.unfinished(work.attempt):
            raise interrupted(self._name, work.attempt)
        if work.stdin is not None and len(work.stdin) > MAX_STDIN:
            raise ArgumentError(
                f"stdin has {len(work.stdin)} bytes; at most 64 MiB are passed",
                hint="put a file on the host and read that",
            )
        async with self._slots:
            attempt = PlainAttempt(self._name, self._shell, self._folder, work, self._files.deliver)
            task = asyncio.ensure_future(self._see_through(attempt, work.attempt))
            while True:
                try:
                    return self._warn(await asyncio.shield(task))
                except asyncio.CancelledError:
                    if task.done():
                        raise
                    attempt.end("cancel")

    async def recall(self, attempt: str) -> bool:
        return False

    async def put(
        self,
        data: bytes | Path,
        dest: str,
        *,
        mode: int | None = None,
        owner: str | None = None,
        progress: Progress | None = None,
    ) -> Put:
        return await self._files.put(data, dest, mode=mode, owner=owner, progress=progress)

    def get(self, src: str) -> AsyncIterator[bytes]:
        return self._files.get(src)

    async def stat(self, path: str, *, digest: bool = False) -> FileStat | None:
        return await self._files.stat(path, digest=digest)

    async def probe(self) -> dict[str, str]:
        return await self._files.probe()

    async def perform(self, action: str, work: Work) -> Outcome | None:
        return None

    async def socket(self, path: str) -> str:
        raise SystemFault(
            f"{self._name}: there is no way to the socket {path} without python3 there",
            code="NO_SOCKET",
            hint=f"install python3 on {self._name}",
            retryable=False,
        )

    # -- inside -------------------------------------------------------------------------------

    async def _see_through(self, attempt: PlainAttempt, name: str) -> Exit:
        self._record.started(name, self._name)
        try:
            end = await attempt.run()
        except HostLost:
            self._reached = False
            raise
        except NetworkError as error:
            self._reached = False
            self._record.ended(name)
            lost = HostLost(f"contact with {self._name} was lost, nothing ran: {error.message}")
            raise lost from error
        except ArgumentError:
            self._record.ended(name)
            raise
        self._record.ended(name)
        return end

    def _warn(self, end: Exit) -> Exit:
        if self._warned:
            return end
        self._warned = True
        warning = (
            f"{self._why}: this way cannot prove that nothing is left, and cannot go on after a "
            "lost connection; install python3 (3.8 or newer)"
        )
        return replace(end, warnings=(*end.warnings, warning))
