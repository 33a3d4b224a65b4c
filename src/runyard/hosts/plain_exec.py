"""One attempt on a host without Python: started, listened to, and ended through commands."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from runyard.hosts import plain_script
from runyard.hosts.plain_script import Command
from runyard.hosts.plain_stream import Framing
from runyard.hosts.shell import OnOutput, Shell
from runyard.model.errors import ArgumentError, HostLost, NetworkError, RunyardError
from runyard.model.execution import Exec, Exit
from runyard.store.spool import spool_path
from runyard.supervisor.forms import ShortSecret
from runyard.supervisor.mask import Secrets
from runyard.supervisor.output import STDOUT, Output
from runyard.supervisor.request import OUTPUT_LIMIT

PATIENCE = 10.0
"""Seconds after the first SIGKILL in which the end must come."""

AGAIN = 1.0
LAST_WORDS = 1.0
"""Seconds for the rest of stderr when the script has said that all has ended."""

_REFUSED = {
    "dir": "cannot enter the directory: {cwd}",
    "files": "limits.open_files: {files:g} is more than the user may have there",
    "missing": "{program}: no such file or program",
    "denied": "{program}: permission denied",
}
_UNBOUND = ("memory", "processes", "cpu_time")

Deliver = Callable[[Path, str], Awaitable[None]]
"""Copies the files of a directory here into one there."""


class PlainAttempt:
    """Runs `work` once. Not to be used again.

    The output is masked, searched for exports and spooled here, as the supervisor would there.
    """

    def __init__(self, host: str, shell: Shell, folder: Path, work: Exec, deliver: Deliver) -> None:
        self._host = host
        self._shell = shell
        self._folder = folder
        self._work = work
        self._deliver = deliver
        self._token = secrets.token_hex(16)
        self._mark = secrets.token_hex(16)
        self._frames = Framing(self._token)
        self._output = Output(
            str(spool_path(folder, work.attempt)), work.capture, _prepared(work), work.exports
        )
        self._room = int(work.limits.output or OUTPUT_LIMIT)
        self._why = ""
        self._deadline = 0.0
        self._hurried = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._given_up = False
        self._warnings: list[str] = []

    async def run(self) -> Exit:
        """Start it and wait for its end. Raises ArgumentError, NetworkError, HostLost."""
        work, started = self._work, time.time()
        command = plain_script.start(work, self._token, self._mark, raw=self._shell.raw)
        if work.output_path is None:
            await self._see_through(command)
            return self._exit(started)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self._folder) as copies:
            self._output.copy_to(copies, work.attempt)
            await self._see_through(command)
            await self._copy(Path(copies), work.output_path)
        return self._exit(started)

    def end(self, why: str) -> None:
        """Order it to end: TERM now, KILL after the grace; a second order hurries the first."""
        now = asyncio.get_running_loop().time()
        if self._why:
            self._deadline = now
            self._hurried.set()
            return
        self._why = why
        self._deadline = now + (0.0 if why == "limit:output" else self._work.grace)
        self._ending = asyncio.ensure_future(self._end())

    # -- inside -------------------------------------------------------------------------------

    async def _see_through(self, command: Command) -> None:
        timer = None
        if self._work.timeout is not None:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._work.timeout, self.end, "timeout")
        try:
            await self._converse(command)
        finally:
            if timer is not None:
                timer.cancel()
            self._output.finish(time.time())
            if self._ending is not None:
                self._ending.cancel()
                await asyncio.wait([self._ending])

    async def _converse(self, command: Command) -> None:
        said = asyncio.ensure_future(_give(self._shell, command, self._take))
        over = asyncio.ensure_future(self._frames.ended.wait())
        try:
            await asyncio.wait([said, over], return_when=asyncio.FIRST_COMPLETED)
            # Somebody who has escaped may hold the channel open for ever.
            await asyncio.wait([said], timeout=LAST_WORDS)
        finally:
            for task in (said, over):
                task.cancel()
            await asyncio.wait([said, over])
        self._write(STDOUT, self._frames.rest())
        if self._frames.code is None and not self._frames.refused and not self._given_up:
            error: BaseException | None = None if said.cancelled() else said.exception()
            if error is None or isinstance(error, HostLost):
                cut = error or NetworkError("the connection ended before the command did")
                raise HostLost.of(self._host, cut, canceled=bool(self._why)) from error
            raise error

    def _take(self, stream: int, data: bytes) -> None:
        self._write(stream, self._frames.feed(data) if stream == STDOUT else data)

    def _write(self, stream: int, data: bytes) -> None:
        room = self._room - self._output.total
        if len(data) > room:
            data = data[: max(0, room)]
            if self._why != "limit:output":
                self.end("limit:output")
        if data:
            self._output.write(stream, data, time.time())

    async def _end(self) -> None:
        """Ends with the loss of the host, too, when it cannot be told within PATIENCE."""
        told = False
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._deadline + PATIENCE):
                await self._frames.begun.wait()
                told = await self._signal("TERM")
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._deadline):
                await self._hurried.wait()
        loop = asyncio.get_running_loop()
        give_up = loop.time() + PATIENCE
        while loop.time() < give_up:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(give_up):
                    told = await self._signal("KILL")
                    await asyncio.sleep(AGAIN)
        self._given_up = told
        self._frames.ended.set()

    async def _signal(self, number: str) -> bool:
        """False when the host could not be reached."""
        frames = self._frames
        command = plain_script.send(self._mark, frames.pid, frames.session, number)
        try:
            await _give(self._shell, command, lambda *_: None)
        except NetworkError:
            return False
        return True

    async def _copy(self, copies: Path, where: str) -> None:
        try:
            await self._deliver(copies, where)
        except RunyardError as error:
            self._warnings.append(f"output_path: {error.message}")

    def _exit(self, started: float) -> Exit:
        frames, work, report = self._frames, self._work, self._output.report()
        error, left = "", frames.left
        if frames.refused:
            error = _REFUSED[frames.refused].format(
                program=work.argv[0], cwd=work.cwd or "~", files=work.limits.open_files or 0
            )
        if self._given_up:
            left = max(1, left)
            error = f"it did not end within {PATIENCE:g} s of SIGKILL"
        signal = frames.code - 128 if self._why and frames.code in (137, 143) else None
        return Exit(
            exit_code=None if frames.refused or signal else frames.code,
            signal=signal,
            ended_by="start-failed" if frames.refused else self._why or "exit",
            stdout=report["stdout"],
            stderr=report["stderr"],
            stdout_bytes=report["stdout_bytes"],
            stderr_bytes=report["stderr_bytes"],
            exports=report.get("exports", {}),
            warnings=(*report["warnings"], *self._warnings, *self._cannot()),
            swept=frames.swept,
            survivors=left,
            started_at=started,
            ended_at=time.time(),
            error=self._output.masked(error),
        )

    def _cannot(self) -> list[str]:
        """What was asked for and is not done on such a host."""
        work, said = self._work, []
        unbound = [name for name in _UNBOUND if getattr(work.limits, name) is not None]
        if unbound:
            names = ", ".join(f"limits.{name}" for name in unbound)
            said.append(f"{names}: not enforced without python3 there")
        if work.lease is not None:
            said.append("lease: not kept without python3 there")
        if work.pty is not None:
            said.append("no terminal was given to it without python3 there")
        if self._why and not self._frames.refused:
            said.append(
                "it was told to end; without python3 there nothing proves that none of it is left"
            )
        return said


async def _give(shell: Shell, command: Command, on_output: OnOutput) -> None:
    await shell.run(command.argv, env=command.env, stdin=command.stdin, on_output=on_output)


def _prepared(work: Exec) -> Secrets | None:
    if not work.secrets:
        return None
    try:
        return Secrets(dict(work.secrets))
    except ShortSecret as error:
        raise ArgumentError(str(error), code="SECRET_SHORT") from error
