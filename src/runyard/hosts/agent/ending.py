"""A cancellation on its way to an agent, and what is seen of the end."""

from __future__ import annotations

import asyncio

from runyard.hosts import order
from runyard.hosts.agent import wire
from runyard.hosts.agent.asking import Asking
from runyard.hosts.agent.web import AgentWeb
from runyard.model.action import Work
from runyard.model.errors import ArgumentError, HostLost, NetworkError, RunyardError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


class Ending:
    """Has the task of `work` ended: first with its grace, cancelled again without.

    The order is repeated until the agent has taken it: it may overtake the one to begin.
    """

    def __init__(
        self, web: AgentWeb, work: Work, asking: Asking, answer: asyncio.Future[wire.State]
    ) -> None:
        self._web = web
        self._work = work
        self._asking = asking
        self._answer = answer
        self._trouble: RunyardError | None = None
        self._taken = False

    async def seen(self) -> wire.State | None:
        """The end; None when it was never begun. Cancellations hurry it, and end it never.

        Raises:
            HostLost: nothing was seen of an end in time: it may go on.
        """
        self._asking.stop()
        now = asyncio.get_running_loop().time
        until = now() + self._work.grace + order.SLACK
        orders = [asyncio.ensure_future(self._order(hurry=False))]
        while not self._answer.done() and (left := until - now()) > 0:
            try:
                await asyncio.wait([self._answer], timeout=left)
            except asyncio.CancelledError:
                orders[-1].cancel()
                orders.append(asyncio.ensure_future(self._order(hurry=True)))
                until = min(until, now() + order.SLACK)
        over = self._answer.done()
        await _dropped(self._answer, *orders)
        if over:
            return self._told()
        raise self._lost(self._trouble or NetworkError("it does not answer"))

    async def _order(self, *, hurry: bool) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                if await wire.cancel(self._web, self._work.attempt, hurry=hurry):
                    self._taken = True
                    return
                self._trouble = NetworkError(f"the agent of {self._web.host} knows no such task")
            except RunyardError as error:
                self._trouble = error
                if not error.retryable:
                    return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _told(self) -> wire.State | None:
        error = self._answer.exception()
        if error is None:
            return self._answer.result()
        if not self._asking.sent or isinstance(error, ArgumentError):
            return None
        if not isinstance(error, RunyardError):
            raise error
        cause = error.__cause__ if isinstance(error, HostLost) else error
        raise self._lost(cause if isinstance(cause, RunyardError) else error) from error

    def _lost(self, error: RunyardError) -> HostLost:
        if not self._taken:
            return HostLost.of(self._web.host, error, canceled=True)
        why = f"its agent was told to end it, and no end was seen: {error.message}"
        return HostLost.of(self._web.host, NetworkError(why))


async def _dropped(*tasks: asyncio.Future[wire.State] | asyncio.Task[None]) -> None:
    """Cancel them, and wait until they have noticed, whoever cancels us meanwhile."""
    for task in tasks:
        task.cancel()
    while not all(task.done() for task in tasks):
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            continue
