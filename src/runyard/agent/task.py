"""One task, from its order to its result."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from runyard.agent.envelope import record
from runyard.agent.order import Order
from runyard.agent.tools import Tools
from runyard.engine.halt import Halt, Halted
from runyard.model.action import Action
from runyard.model.errors import (
    CanceledError,
    InternalError,
    RunyardError,
    StoreError,
    SystemFault,
)
from runyard.model.result import Outcome
from runyard.model.status import Status
from runyard.supervisor.request import output_folder

_PAUSE = 1.0
_LOG = logging.getLogger("runyard.agent")


class Task:
    """A task that has no result yet, or none on disk.

    `ended` is set when `result` is there, or `refusal`: then nothing was done, and nobody knows
    of it. The result is on disk before that, unless the disk is full.
    """

    def __init__(self, order: Order, tools: Tools, began_at: float | None = None) -> None:
        self.order = order
        self.attempt = order.attempt
        self.ended = asyncio.Event()
        self.result: dict[str, Any] | None = None
        self.refusal: RunyardError | None = None
        self.written = False
        self.began_at = time.time() if began_at is None else began_at
        self._tools = tools
        self._halt = Halt()
        self._canceled = False
        self._hurried = False
        self._spent = 0.0  # seconds of its time that earlier lives have had
        self._settling = False  # it will look whether it was canceled, before it goes on
        self._attached = False

    async def begin(self, action: Action) -> None:
        """Write down the order, then do it. Never raises for a failure of either."""
        tools = self._tools
        try:
            await tools.slots.take(self.attempt)
            tools.spools.check()
            await asyncio.to_thread(tools.shelf.intend, self.order, self.began_at)
        except OSError as error:
            why = f"the task cannot be written down: {error.strerror}"
            self.refusal = StoreError(why, hint="see whether the disk of the agent is full")
        except RunyardError as error:
            self.refusal = error
        else:
            await self._through(self._perform(action))

    async def take_up(self, action: Action | None, *, canceled: bool) -> None:
        """Go on with what an earlier life of the agent has begun. Never raises.

        What is done in this process again gets what is left of its time.
        """
        self._canceled, self._settling = canceled, True
        self._spent = max(0.0, time.time() - self.began_at)
        while True:
            try:
                known = await self._settle(action)
            except _Over as over:
                await self._finish(over.outcome)
                return
            except RunyardError as error:  # what runs may be ours, however long that takes
                _LOG.warning("task %s waits for a supervisor: %s", self.order.task_id, error)
                await asyncio.sleep(_PAUSE)
            else:
                self._tools.slots.keep(self.attempt)
                await self._through(self._perform(known))
                return

    async def cancel(self, *, hurry: bool = False) -> None:
        """Order it to end, with the grace of its order. Again changes nothing.

        `hurry`: without grace, also when it is being ended with that.
        """
        first = not self._canceled
        hurried = hurry and not self._hurried
        self._canceled, self._hurried = True, self._hurried or hurry
        if first:
            await self._note_cancel()
        if self._attached:
            if first or hurried:
                with suppress(RunyardError):  # its supervisor is gone, and so it is lost
                    await self._end_attempt()
        elif not self._settling:
            if first:
                self._halt.request("canceled")
            if hurried:
                await asyncio.sleep(0)  # two orders at the same moment would be one
                self._halt.request("canceled")

    async def broke(self, error: Exception) -> None:
        """A defect of ours has ended its life: that is its result."""
        outcome = Outcome.of_error(InternalError.of(error, f"task {self.order.task_id}"))
        await self._finish(outcome)

    async def keep(self) -> None:
        """Try to write the result down; failing leaves it in memory."""
        if self.result is None or self.written:
            return
        try:
            await asyncio.to_thread(self._tools.shelf.finish, self.order.folder, self.result)
        except OSError as error:
            _LOG.warning("result of task %s not on disk yet: %s", self.order.task_id, error)
        else:
            self.written = True
            await self._tools.yard.forget(self.attempt)

    # -- inside -------------------------------------------------------------------------------

    async def _note_cancel(self) -> None:
        try:
            await asyncio.to_thread(self._tools.shelf.note_cancel, self.order.folder)
        except OSError as error:  # its order is not on disk yet, or the disk is full
            _LOG.debug("the cancellation of %s could not be noted: %s", self.order.task_id, error)

    async def _settle(self, action: Action | None) -> Action:
        """The action, which may be asked for again. Raises _Over; RunyardError for now."""
        yard = self._tools.yard
        await yard.look_after()
        if action is None:
            raise _Over(_interrupted(f"there is no {self.order.action} any more"))
        begun = action.supervised and await yard.knows(self.attempt)
        if self._canceled and not begun:
            await self._end_container()
            raise _Over(_canceled())
        if not action.supervised and not action.idempotent:
            text = f"the agent ended while it did {action.name}, which may not be done twice"
            raise _Over(_interrupted(text))
        if begun and self._canceled:
            await self._end_attempt()
        # From here on the end is what the supervisor says, and no way to it may be cut short.
        self._settling, self._attached = False, begun
        return action

    async def _end_container(self) -> None:
        """A container goes on without us. Raises NetworkError, SystemFault for now."""
        from runyard.runners.docker.book import unfinished

        folder = output_folder(str(self._tools.yard.root), self.order.run_key)
        page = unfinished(Path(folder)).get(self.attempt)
        if page is not None and page.daemon:
            from runyard.runners.docker.abandoned import end_at

            await end_at(page.daemon, Path(folder), [self.attempt])

    async def _end_attempt(self) -> None:
        client = await self._tools.yard.client()
        grace = {"grace": 0.0} if self._hurried else {}
        await client.call({"verb": "cancel", "attempt": self.attempt, **grace})

    async def _perform(self, action: Action) -> Outcome:
        from runyard.agent.work import perform

        yard, most = self._tools.yard, self._tools.bounds.output
        async with yard.connector() as connector:
            return await perform(
                self.order, action, connector, yard.root, most_output=most, spent=self._spent
            )

    async def _through(self, work: Coroutine[Any, Any, Outcome]) -> None:
        try:
            outcome = await self._halt.run(work)
        except Halted:
            outcome = _canceled()
        except RunyardError as error:
            outcome = Outcome.of_error(error)
        except (Exception, SystemExit) as error:
            _LOG.exception("task %s", self.order.task_id)
            outcome = Outcome.of_error(InternalError.of(error, self.order.action))
        await self._finish(outcome)

    async def _finish(self, outcome: Outcome) -> None:
        if self._tools.yard.closed:  # we have left it ourselves: the next life asks again
            return
        self.result = record(self.order, outcome, (self.began_at, time.time()))
        await self.keep()


class _Over(Exception):
    """There is nothing to go on with."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


def _canceled() -> Outcome:
    return Outcome.of_error(CanceledError("canceled"), ended_by="cancel")


def _interrupted(text: str) -> Outcome:
    hint = "look at its effects, then order it again under another ID"
    error = SystemFault(text, code="INTERRUPTED", hint=hint, retryable=False)
    return Outcome.of_error(error, ended_by="lost").but(status=Status.INTERRUPTED)
