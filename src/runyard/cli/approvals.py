"""Approvals of a run, asked on the terminal that watches it."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from runyard.cli.views.view import View
from runyard.model.errors import UsageError
from runyard.model.event import Event

if TYPE_CHECKING:
    from runyard.service.runs import Runs


class Approvals:
    """Asks one question after the other; an answer given elsewhere takes the question back.

    Reads the events itself from the first approval on: the view's reader waits while a question
    is open. Without a terminal it says how to answer.
    """

    def __init__(self, runs: Runs, run_id: str, view: View, *, terminal: bool) -> None:
        self._runs = runs
        self._run_id = run_id
        self._view = view
        self._terminal = terminal
        self._open: dict[str, str] = {}
        self._follower: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None

    def see(self, event: Event) -> None:
        """Take notice of an event that was shown."""
        if event.type == "approval.requested" and self._follower is None:
            self._follower = asyncio.create_task(self._follow(event.seq - 1))

    async def close(self) -> None:
        """Take the open question back, and stop."""
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        await self._take_back()

    async def _follow(self, after: int) -> None:
        async for event in self._runs.events(self._run_id, after, follow=True):
            if event.type == "approval.requested":
                self._open[event.step] = str(event.data.get("message") or "")
                if not self._terminal:
                    await self._tell(event.step)
            elif event.type == "approval.decided":
                self._open.pop(event.step, None)
                await self._take_back()
            elif event.type == "run.finished":
                self._open.clear()
                await self._take_back()
            if self._terminal and self._open and self._asking is None:
                self._asking = asyncio.create_task(self._ask(next(iter(self._open))))

    async def _take_back(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _tell(self, step: str) -> None:
        await self._view.note(
            f"runyard: {step} waits for approval: `runyard approve {self._run_id} --step {step!r}`"
            " or `reject`"
        )

    async def _ask(self, step: str) -> None:
        message = self._open[step].rstrip("?")
        question = f"approve {step}{': ' + message if message else ''}? [yes/no]"
        try:
            while True:
                await self._view.ask(question)
                word = (await read_line()).strip().lower()
                if word in ("y", "yes"):
                    await self._decide(step, accept=True)
                    return
                if word in ("n", "no"):
                    await self._decide(step, accept=False)
                    return
        except EOFError:
            self._terminal = False
            await self._tell(step)
        except UsageError as refusal:  # somebody else is to decide
            await self._view.note(f"runyard: {refusal.message}")
            await self._tell(step)
        finally:
            await self._view.answered()

    async def _decide(self, step: str, *, accept: bool) -> None:
        await self._runs.decide(self._run_id, accept=accept, step=step, by=who())


async def read_line() -> str:
    """A line of stdin, without blocking the loop.

    Raises:
        EOFError: stdin has ended, or the program was put into the background, where reading
            would stop it.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        data = os.read(0, 4096) if in_foreground() else b""
        if ready.done():
            return
        if data:
            ready.set_result(data.decode("utf-8", "replace"))
        else:
            ready.set_exception(EOFError())

    loop.add_reader(0, read)
    try:
        return await ready
    finally:
        loop.remove_reader(0)


def who() -> str:
    """The name of the user of this process."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def can_ask() -> bool:
    """True when there is a person to ask: stdin and stderr are a terminal, and it is ours."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty() and in_foreground()
    except (ValueError, AttributeError):
        return False


def in_foreground() -> bool:
    """True when the terminal on stdin listens to us, not to another job."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
