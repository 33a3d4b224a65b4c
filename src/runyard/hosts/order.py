"""What is asked of a supervisor about one attempt: its end, and an answer in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from runyard.hosts.client import Client
from runyard.model.execution import Exec

SLACK = 10.0
"""Seconds after a timeout or a grace in which the supervisor may still kill, count and write."""

PING = 5.0
"""Seconds in which a supervisor that lives answers a question, however busy it is."""


class Order:
    """A cancellation on its way to the supervisor: first with the grace, then without.

    When the end should have come by its timeout, or by the cancellation, and has not, the
    supervisor is asked whether it lives; when it does not answer, `give_up` is called with the
    client. A second cancellation asks at once.
    """

    def __init__(self, work: Exec, give_up: Callable[[Client], Awaitable[None]]) -> None:
        self._work = work
        self._give_up = give_up
        self._graces: list[float] = []
        self._until = 0.0  # the loop's time until which it is worth delivering
        self._client: Client | None = None
        self._start = 0  # number of the request that has given it the work
        self._arrived = False
        self._timer: asyncio.TimerHandle | None = None
        self._doubt: asyncio.Task[None] | None = None
        if work.timeout is not None:
            self._ask_in(work.timeout + work.grace + SLACK)

    def __enter__(self) -> Order:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._doubt is not None:
            self._doubt.cancel()

    @property
    def attempt(self) -> str:
        return self._work.attempt

    @property
    def given(self) -> bool:
        """True when somebody has cancelled."""
        return bool(self._graces)

    @property
    def patience(self) -> float | None:
        """Seconds that a lost host is still worth looking for; None when nobody has cancelled."""
        return self._until - asyncio.get_running_loop().time() if self._graces else None

    @property
    def gave(self) -> bool:
        """True when whoever was asked last was also given the work."""
        return self._start > 0

    @property
    def arrived(self) -> bool:
        """True when a supervisor has been given the work, as far as is known."""
        client = self._client
        return self._arrived or (client is not None and client.answered > self._start > 0)

    def watch(self, client: Client, *, start: bool) -> None:
        """`client` was just asked for the work, or given it (`start`).

        It is whom to tell of orders, and whom to ask whether it lives.
        """
        self._arrived = self.arrived
        self._client, self._start = client, client.asked if start else 0
        self._tell(client)

    def hurry(self) -> None:
        """Somebody has cancelled, or cancelled again."""
        wait = 0.0 if self._graces else self._work.grace + SLACK
        self._ask_in(wait)
        self._until = asyncio.get_running_loop().time() + wait
        self._graces = [self._work.grace] if not self._graces else [0.0]
        if self._client is not None:
            self._tell(self._client)

    def _tell(self, client: Client) -> None:
        """Pass the order on, if there is one."""
        for grace in self._graces:
            reply = client.send({"verb": "cancel", "attempt": self._work.attempt, "grace": grace})
            reply.add_done_callback(ignore)

    def _ask_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._ask)

    def _ask(self) -> None:
        if self._doubt is None or self._doubt.done():
            self._doubt = asyncio.ensure_future(self._ask_once())

    async def _ask_once(self) -> None:
        client = self._client
        if client is not None and client.connected and not await answers(client):
            await self._give_up(client)
        self._ask_in(SLACK)


async def answers(client: Client, seconds: float = PING) -> bool:
    """False when the supervisor says nothing within `seconds`.

    The answer may have to wait behind much output on a slow link: whatever comes is a sign of life.
    The question may have to wait behind much input: so is what is taken of that.
    """
    asked = asyncio.get_running_loop().time()
    waiting, taken = client.waiting, client.taken  # before the question, which tells nothing
    reply = client.send({"verb": "list", "attempt": ""})
    done, _ = await asyncio.wait([reply], timeout=seconds)
    reply.add_done_callback(ignore)
    return bool(done) or client.heard > asked or (waiting > 0 and client.taken > taken)


def ignore(reply: asyncio.Future[Any]) -> None:
    """What nobody may wait for any more; its error is no news then."""
    if not reply.cancelled():
        reply.exception()
