"""An agent of the original system: commands it takes, and what came of them it tells when asked."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from runyard.hosts.agent import wire
from runyard.hosts.agent.original_command import command
from runyard.hosts.agent.original_task import OriginalTask
from runyard.hosts.agent.web import AgentWeb
from runyard.hosts.plain import PlainConnector
from runyard.hosts.shell import OnOutput
from runyard.hosts.supervised import MAX_STDIN
from runyard.model.action import Work
from runyard.model.connector import FileStat, Put
from runyard.model.errors import ArgumentError, HostLost, NetworkError, SystemFault
from runyard.model.execution import Exec, Exit
from runyard.model.progress import Progress
from runyard.model.result import Outcome
from runyard.store.spoolcopy import SpoolCopies

FRESH = 2.0
"""Seconds for which an agent that has answered is taken to be there."""


class OriginalConnector:
    """Implements `Connector` by `cmd.run` alone, over `/run`, `/status` and `/cancel`.

    An attempt is a task of the same id: who asks again finds it, as long as the agent lives.
    Files and facts go through its shell. What it cannot do the first exit says in a warning.
    """

    def __init__(self, web: AgentWeb, folder: Path, run_id: str) -> None:
        self._web = web
        self._run_id = run_id
        self._copies = SpoolCopies(folder)
        self._files = PlainConnector(web.host, _TaskShell(web, run_id), folder)
        self._warned = False
        self._seen = time.monotonic()  # by the greeting

    async def connect(self) -> None:
        """See whether it is there. Raises NetworkError, SystemFault."""
        now = time.monotonic()
        if now - self._seen > FRESH:
            await self._web.ask("GET", "/health", known=False)
            self._seen = now

    async def close(self, *, done: bool = False) -> None:
        self._copies.close()

    async def exec(self, work: Exec) -> Exit:
        """Raises ArgumentError, NetworkError; HostLost when what became of it cannot be asked."""
        if work.stdin is not None and len(work.stdin) > MAX_STDIN:
            raise ArgumentError(f"stdin has {len(work.stdin)} bytes; at most 64 MiB are passed")
        attempt = OriginalTask(self._web, self._run_id, self._copies, work)
        task = asyncio.ensure_future(attempt.run())
        try:
            while True:
                try:
                    return self._warn(await asyncio.shield(task))
                except asyncio.CancelledError:
                    if task.done():
                        raise
                    attempt.end("cancel")
        finally:
            self._copies.done(work.attempt)

    async def recall(self, attempt: str) -> bool:
        return await wire.status(self._web, attempt) is not None

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
            f"{self._web.host}: there is no way to the socket {path} over an original agent",
            code="NO_SOCKET",
            hint="start `runyard agent` there",
            retryable=False,
        )

    def _warn(self, end: Exit) -> Exit:
        if self._warned:
            return end
        self._warned = True
        warning = (
            f"the agent of {self._web.host} is one of the original system: it cannot prove that "
            "nothing is left of what is ended, and forgets what runs when it is restarted"
        )
        return replace(end, warnings=(warning, *end.warnings))


class _TaskShell:
    """Implements `Shell`: every command is a task of its own."""

    raw = False

    def __init__(self, web: AgentWeb, run_id: str) -> None:
        self._web = web
        self._run_id = run_id

    async def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: bytes | None,
        on_output: OnOutput,
    ) -> None:
        """See `Shell.run`."""
        task_id = f"{self._run_id}/~shell/{self._web.host}/{secrets.token_hex(8)}"
        task = command(self._run_id, task_id, self._web.host, "shell", argv, env=env)
        state: wire.State | None = await wire.run(self._web, task)
        pause = 0.05
        while state is not None and not state.ended:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)
            try:
                state = await wire.status(self._web, task_id)
            except NetworkError as error:
                raise HostLost.of(self._web.host, error) from error
        if state is None:
            forgotten = NetworkError("the agent has forgotten the command")
            raise HostLost.of(self._web.host, forgotten)
        for stream, name in ((1, "stdout"), (2, "stderr")):
            if text := state.text(name):
                on_output(stream, text.encode("utf-8", "replace"))

    async def close(self) -> None:
        """Nothing is held."""
