"""One attempt as a task of an original agent, from its start to its end."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from runyard.hosts import remote
from runyard.hosts.agent import wire
from runyard.hosts.agent.original_command import command
from runyard.hosts.agent.retold import Retold
from runyard.hosts.agent.web import AgentWeb
from runyard.hosts.order import SLACK
from runyard.model.errors import HostLost, NetworkError, SystemFault
from runyard.model.execution import Exec, Exit
from runyard.store.spoolcopy import SpoolCopies

POLL = 2.0
"""Seconds between two questions, as the original dispatcher has them; the first come sooner."""

_FIRST_POLL, _LONGEST_PAUSE = 0.1, 10.0
_FORGOTTEN = "the agent has forgotten the task: it was restarted; how it ended is not known"
_CODE = re.compile(r"exit (?:status|code):? (\d+)")
_SIGNAL = re.compile(r"signal:? (\w+)")
_SIGNALS = {"killed": 9, "terminated": 15, "interrupt": 2, "hangup": 1, "quit": 3, "aborted": 6}
_UNBOUND = ("memory", "processes", "cpu_time", "open_files", "output")

T = TypeVar("T")


class OriginalTask:
    """Runs `work` once, or finds it running. Its timeout counts from when we first see it."""

    def __init__(self, web: AgentWeb, run_id: str, copies: SpoolCopies, work: Exec) -> None:
        self._web = web
        self._run_id = run_id
        self._work = work
        self._told = Retold(copies, work)
        self._why = ""
        self._ordered = asyncio.Event()
        self._canceled = asyncio.Event()
        self._give_up = 0.0

    async def run(self) -> Exit:
        """Raises ArgumentError, NetworkError before anything was started, HostLost after."""
        started, loop = time.time(), asyncio.get_running_loop()
        state = await wire.status(self._web, self._work.attempt)
        timer = None
        if self._work.timeout is not None:
            timer = loop.call_later(self._work.timeout, self.end, "timeout")
        # An order goes out while `/run` still keeps us waiting.
        canceling = asyncio.ensure_future(self._cancel_when_ordered())
        try:
            if state is None:
                if self._why:
                    return self._lost(started, "it was not started")
                state = await self._begin()
            pause = _FIRST_POLL
            while state is not None and not state.ended:
                self._told.take(state, final=False)
                if self._give_up and loop.time() > self._give_up:
                    return self._exit(state, started, survivors=1)
                await self._wait(pause)
                pause = min(pause * 2, POLL)
                state = await self._patiently(lambda: wire.status(self._web, self._work.attempt))
        finally:
            if timer is not None:
                timer.cancel()
            canceling.cancel()
            await asyncio.gather(canceling, return_exceptions=True)
        if state is None:
            return self._lost(started, _FORGOTTEN)
        self._told.take(state, final=True)
        return self._exit(state, started)

    def end(self, why: str) -> None:
        """Have it ended; again: do not wait for it longer than SLACK."""
        now = asyncio.get_running_loop().time()
        self._give_up = now + SLACK + (0.0 if self._why else self._work.grace)
        self._why = self._why or why
        self._ordered.set()

    # -- inside -------------------------------------------------------------------------------

    async def _begin(self) -> wire.State | None:
        work = self._work
        task = command(
            self._run_id,
            work.attempt,
            self._web.host,
            work.attempt.split("/")[1],
            work.argv,
            env=work.env,
            cwd=work.cwd,
            stdin=work.stdin,
            exports=work.exports,
            output_path=work.output_path,
        )

        async def again() -> wire.State | None:
            found = await wire.status(self._web, work.attempt)
            return found if found is not None else await wire.run(self._web, task)

        try:
            return await wire.run(self._web, task)
        except NetworkError:  # it may have come there all the same
            return await self._patiently(again)

    async def _cancel_when_ordered(self) -> None:
        await self._ordered.wait()
        # Not known is not ended: the order may be quicker than the task.
        while not await self._patiently(lambda: wire.cancel(self._web, self._work.attempt)):
            await asyncio.sleep(_FIRST_POLL)
        self._canceled.set()

    async def _wait(self, seconds: float) -> None:
        """Some time; a cancellation that the agent has taken is a reason to look at once."""
        if self._canceled.is_set():
            await asyncio.sleep(min(seconds, _FIRST_POLL * 2))
            return
        try:
            await asyncio.wait_for(self._canceled.wait(), seconds)
        except TimeoutError:
            pass

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again and again while the agent is silent. Raises HostLost."""
        since, pause = time.monotonic(), _FIRST_POLL
        while True:
            try:
                return await ask()
            except (NetworkError, SystemFault) as error:
                patience = self._work.grace + SLACK if self._why else remote.PATIENCE
                if not error.retryable or time.monotonic() - since > patience:
                    canceled = bool(self._why)
                    raise HostLost.of(self._web.host, error, canceled=canceled) from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _exit(self, state: wire.State, started: float, *, survivors: int = 0) -> Exit:
        code, signal = _how(state)
        by, error = "exit", ""
        if signal is not None:
            by = f"signal:{signal}"
        if self._why and state.status != "success":
            by = self._why
        elif state.status == "canceled":
            by = "cancel"  # by somebody else
        elif code is None and signal is None:
            by, error = "start-failed", state.error or f"the agent says {state.status}"
        if survivors:
            error = f"it has not ended {SLACK:g} s after its grace"
        return Exit(
            exit_code=code,
            signal=signal,
            ended_by=by,
            survivors=survivors,
            started_at=started,
            ended_at=time.time(),
            error=self._told.masked(error),
            **self._told.report(self._cannot()),
        )

    def _lost(self, started: float, error: str) -> Exit:
        return Exit(
            exit_code=None,
            signal=None,
            ended_by="lost" if error == _FORGOTTEN else self._why,
            started_at=started,
            ended_at=time.time(),
            error=error,
            **self._told.report(self._cannot()),
        )

    def _cannot(self) -> list[str]:
        """What was asked for and is not done there."""
        work, said = self._work, []
        unbound = [name for name in _UNBOUND if getattr(work.limits, name) is not None]
        if unbound:
            names = ", ".join(f"limits.{name}" for name in unbound)
            said.append(f"{names}: not enforced by an original agent")
        if work.lease is not None:
            said.append("lease: not kept by an original agent")
        if work.pty is not None:
            said.append("no terminal was given to it: an original agent has none")
        return said


def _how(state: wire.State) -> tuple[int | None, int | None]:
    """Exit code and signal, as far as the answer tells."""
    code = state.output.get("exit_code")
    found = _SIGNAL.search(state.error)
    number = _SIGNALS.get(found[1]) if found else None
    if number is not None:
        return None, number
    if isinstance(code, int) and not isinstance(code, bool) and code >= 0:
        return code, None
    if state.status == "success":
        return 0, None
    match = _CODE.search(state.error)
    return (int(match[1]), None) if match else (None, None)
