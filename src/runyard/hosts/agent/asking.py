"""A task at an agent, asked for until it has ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from runyard.hosts import remote
from runyard.hosts.agent import wire
from runyard.hosts.agent.relayed import RelayedOutput
from runyard.hosts.agent.web import AgentWeb
from runyard.model.errors import HostLost, NetworkError, SystemFault

POLL = 20.0
"""Seconds for which the agent may think about one question."""

_AT_FIRST = 0.5  # seconds for what is done at once; the output of others is followed
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Asking:
    """Starts `task` and asks for its end, over broken connections; `output` gets what it writes.

    Attributes:
        sent: the agent may have been given the task, as far as is known.
    """

    def __init__(
        self, web: AgentWeb, task: Mapping[str, Any], output: RelayedOutput | None
    ) -> None:
        self.sent = False
        self._web = web
        self._task = task
        self._rest = output
        self._known = False  # the agent has told of it
        self._stopped = False

    def stop(self) -> None:
        """It is not wanted any more: what was sent and not answered is not sent again."""
        self._stopped = True

    async def to_the_end(self) -> wire.State:
        """Its end, all of its output read.

        Raises:
            HostLost: the agent could not be reached for PATIENCE seconds.
            SystemFault: it has forgotten the task, or refuses us before anything was sent.
            ArgumentError: it does not take the task.
        """
        since: float | None = None
        pause = _FIRST_PAUSE
        while True:
            again = self._known or (self._stopped and self.sent)
            try:
                state = await (self._ask() if again else self._send())
            except (NetworkError, SystemFault) as error:
                if isinstance(error, SystemFault) and not self.sent:
                    raise
                self.sent = True
                since = time.monotonic() if since is None else since
                if not error.retryable or time.monotonic() - since > remote.PATIENCE:
                    raise HostLost.of(self._web.host, error) from error
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            if state is None and not self._known:  # the order to begin it may be on its way still
                await asyncio.sleep(_FIRST_PAUSE)
                continue
            if state is None:
                raise SystemFault(
                    f"the agent of {self._web.host} has forgotten what it was to do",
                    code="TASK_LOST",
                    retryable=False,
                )
            since, pause, self._known, self.sent = None, _FIRST_PAUSE, True, True
            if self._is_all(state, followed=again):
                return state

    async def _send(self) -> wire.State | None:
        wait = _AT_FIRST if self._rest is not None else None
        return await wire.run(self._web, self._task, wait=wait)

    async def _ask(self) -> wire.State | None:
        offsets = self._rest.offsets if self._rest is not None else None
        return await wire.status(self._web, self._task["ID"], wait=POLL, offsets=offsets)

    def _is_all(self, state: wire.State, *, followed: bool) -> bool:
        """True when nothing is left to ask for; `followed`: it was asked for with offsets."""
        rest = self._rest
        if rest is None:
            return state.ended
        if not followed:
            return rest.suffices(state)
        if rest.take(state):
            self._rest = None  # now for the result
        return False
