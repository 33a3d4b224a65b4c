"""Watching a run that this process executes: the view, Ctrl-C, approvals, the end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from runyard.cli import failure
from runyard.cli.approvals import Approvals, can_ask
from runyard.cli.ending import Ending
from runyard.cli.feed import end_of, merge
from runyard.cli.views.screen import SHOW
from runyard.cli.views.view import View
from runyard.model.event import Event
from runyard.model.ids import attempt_id
from runyard.model.light import dataclass
from runyard.model.run import RunRecord
from runyard.store.tail import OutputChunk

if TYPE_CHECKING:
    from runyard.service.runs import Runs
    from runyard.service.started import Started

_END = 1 << 62
"""A position behind the end of any file."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A run that has ended, and what its events told beside its record."""

    record: RunRecord
    ending: Ending


async def watch(runs: Runs, started: Started, view: View, *, output: bool = True) -> Watched:
    """Show the run until it has ended; without `output`, its events alone are read.

    Ctrl-C, SIGTERM, SIGQUIT and SIGHUP cancel, a second one kills, a third one leaves at once
    (SIGTERM twice within half a second is one);
    when the run has ended they stop what is still being shown of it. A failure to show the run
    never ends it.
    Approvals are asked on the terminal, if there is one.
    """
    approvals = Approvals(runs, started.run_id, view, terminal=can_ask())
    ending = Ending()
    reader = asyncio.create_task(_read(runs, started, view, approvals, ending, output))
    with _Signals(started, view) as signals:
        try:
            record = await started.wait()
            signals.only_reader = reader
            if record.status.is_final:
                await asyncio.wait({reader})
        finally:
            reader.cancel()
            (failure,) = await asyncio.gather(reader, return_exceptions=True)
            await approvals.close()
            await view.close()
    if isinstance(failure, Exception):
        await view.note(f"runyard: this view was incomplete: {failure}")
    return Watched(record, ending)


async def _read(
    runs: Runs, started: Started, view: View, approvals: Approvals, ending: Ending, output: bool
) -> None:
    events, chunks = await news(runs, started.run_id, started.epoch)
    async for item in merge(events, chunks) if output else events:
        await view.show(item)
        if isinstance(item, Event):
            ending.see(item)
            approvals.see(item)


async def news(
    runs: Runs, run_id: str, epoch: int
) -> tuple[AsyncIterator[Event], AsyncIterator[OutputChunk]]:
    """Events and output of this life of the run.

    Of a resumed run that is what happens from then on, and the whole output of attempts that were
    in flight: they are attached again. What earlier lives saw end is not shown again.
    """
    if epoch == 1:
        return runs.events(run_id, follow=True), runs.logs(run_id, follow=True)
    resumed, over = 0, list[str]()
    ended = list[str]()
    async for event in runs.events(run_id):
        if (attempt := end_of(event)) is not None:
            ended.append(attempt_id(run_id, *attempt))
        elif event.type == "run.resumed" and event.data.get("epoch") == epoch:
            resumed, over = event.seq - 1, list(ended)
    begun = asyncio.Event()
    events = _announcing(runs.events(run_id, resumed, follow=True), begun)
    output = runs.logs(run_id, follow=True, after=dict.fromkeys(over, _END))
    return events, _once(begun, output)


async def _announcing(events: AsyncIterator[Event], begun: asyncio.Event) -> AsyncIterator[Event]:
    """The same events; `begun` is set once a step has been passed on, or nothing more comes."""
    try:
        async for event in events:
            yield event
            if event.type == "step.started":
                begun.set()
    finally:
        begun.set()


async def _once(
    begun: asyncio.Event, chunks: AsyncIterator[OutputChunk]
) -> AsyncIterator[OutputChunk]:
    """The output, from the time on when it is told what it belongs to."""
    await begun.wait()
    async for chunk in chunks:
        yield chunk


_ONCE = 0.5
"""Seconds within which a SIGTERM after another is the same one: it came to us and to our group."""
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)


class _Signals:
    """Turns the signals that stop a program into cancel, then kill, then leaving."""

    def __init__(self, started: Started, view: View) -> None:
        self._started = started
        self._view = view
        self.only_reader: asyncio.Task[None] | None = None
        self._count = 0
        self._same_until = 0.0  # the loop's time
        self._notes: set[asyncio.Task[Any]] = set()
        self._installed: list[signal.Signals] = []

    def __enter__(self) -> _Signals:
        loop = asyncio.get_running_loop()
        for number in _STOPPING:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            loop.add_signal_handler(number, self._act, number)
            self._installed.append(number)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in self._installed:
            loop.remove_signal_handler(number)
            if number is not signal.SIGINT:
                signal.signal(number, signal.SIG_DFL)

    def _act(self, number: signal.Signals) -> None:
        if self.only_reader is not None:
            self.only_reader.cancel()
            return
        now = asyncio.get_running_loop().time()
        if number is signal.SIGTERM and now < self._same_until:
            return
        self._same_until = now + _ONCE if number is signal.SIGTERM else 0.0
        self._count += 1
        name = "Ctrl-C" if number is signal.SIGINT else number.name
        run = self._started.run_id
        if self._count == 1:
            self._started.cancel(f"canceled by {name}")
            self._say(f"runyard: canceling {run} cleanly; Ctrl-C again kills it at once")
        elif self._count == 2:
            self._started.kill()
            self._say(f"runyard: killing {run}; Ctrl-C again leaves it as it is")
        else:
            _leave(run)

    def _say(self, text: str) -> None:
        task = asyncio.create_task(self._view.note(text))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)


def _leave(run_id: str) -> None:
    """End this process now; the run is found interrupted by whoever comes next."""
    shown = SHOW if os.isatty(1) else ""
    text = f"\nrunyard: left {run_id}; `runyard cancel {run_id}` ends what is left of it\n"
    for fd, part in ((1, shown), (2, text)):
        with suppress(OSError):
            os.write(fd, part.encode())
    os._exit(failure.INTERRUPTED)
