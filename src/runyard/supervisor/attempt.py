"""One attempt: a process tree from its start until nothing of it is left."""

from __future__ import annotations

import os
import signal
import time

from .cgroup import Cgroup
from .output import STDERR, STDOUT, Output
from .pipes import Sink, Source
from .spawn import Child
from .tree import Process, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .loop import Timer
    from .yard import Yard

NATURAL = 0.03
LEFTOVER_GRACE = 2.0
PATIENCE = 10.0
TICK = 0.25


class Attempt:
    """Runs → (ordered to end) → its main process ends → what is left is swept → ended."""

    def __init__(self, yard: Yard, name: str, mark: int, output: Output, grace: float) -> None:
        self.name = name
        self.mark = mark
        self.output = output
        self.grace = grace
        self.pid = 0
        self.started_at = time.time()
        self.unclaimed_since = time.monotonic()
        self.lease: float | None = None
        self.limits: dict[str, float] = {}
        self.cgroup: Cgroup | None = None
        self.sink: Sink | None = None
        self.terminal = -1
        self.on_end: list[Callable[[bytes], None]] = []
        self.on_output: list[Callable[[], None]] = []
        self.ended = False
        self.known: set[int] = set()
        self._yard = yard
        self._sources: list[Source] = []
        self._timers: list[Timer] = []
        self._order = ""
        self._error = ""
        self._code: int | None = None
        self._signal: int | None = None
        self._gone = False  # the main process has ended
        self._termed: set[int] = set()
        self._seen: set[tuple[int, int]] = set()
        self._natural = 0.0  # until then who is left may end by himself
        self._deadline = 0.0
        self._pause = 0.005
        self._cpu = 0.0
        self._peak = 0
        self._watch: Timer | None = None

    # -- life ---------------------------------------------------------------------------------

    def run(self, child: Child, stdin: bytes | None, keep_stdin: bool) -> None:
        """Begin to serve the pipes of the process just started."""
        loop = self._yard.loop
        self.pid = child.pid
        self._source(child.stdout, STDOUT)
        if child.stderr >= 0:
            self._source(child.stderr, STDERR)
        else:
            self.terminal = child.stdout
        if child.stdin >= 0:
            self.sink = Sink(loop, child.stdin, terminal=child.stderr < 0)
            if stdin:
                self.sink.write(stdin, lambda: None)
            if not keep_stdin:
                self.sink.end()

    def arm(self, timeout: float | None) -> None:
        """Start the clock of the timeout and of the limits that must be looked after."""
        if timeout is not None:
            self._timers.append(self._yard.loop.after(timeout, lambda: self.end("timeout")))
        if any(name in self.limits for name in ("memory", "processes", "cpu_time")):
            self._timers.append(self._yard.loop.after(TICK / 5, self._tick))
        if self.lease is not None:
            self._look_at_lease(self.lease)

    def end(self, why: str, grace: float | None = None, error: str = "") -> None:
        """Order the whole tree to end: TERM now, KILL after the grace. A shorter grace hurries."""
        if self.ended:
            return
        wait = self.grace if grace is None else grace
        deadline = time.monotonic() + max(0.0, wait)
        if not self._order and not self._gone:
            self._order = why
            self._error = error
            self._deadline = deadline
        else:
            self._deadline = min(self._deadline, deadline)
        self.check()

    def never_started(self, error: str) -> None:
        """There is no process: end at once."""
        self._order = "start-failed"
        self._error = error
        self._finish(0)

    def main_ended(self, status: int, cpu: float, peak: int) -> None:
        """The main process has been waited for."""
        if os.WIFSIGNALED(status):
            self._signal = os.WTERMSIG(status)
        else:
            self._code = os.WEXITSTATUS(status)
        self._gone = True
        self.add_usage(cpu, peak)
        if self.sink is not None:
            self.sink.close()
        for source in self._sources:
            source.drain()
        if self._yard.childless:
            self._finish(0)
            return
        if not self._order:
            self._natural = time.monotonic() + NATURAL
            self._deadline = self._natural + min(self.grace, LEFTOVER_GRACE)
        self.check()

    def add_usage(self, cpu: float, peak: int) -> None:
        """A process of the tree has been waited for: its CPU seconds and peak bytes."""
        self._cpu += cpu
        self._peak = max(self._peak, peak)

    @property
    def ending(self) -> bool:
        """True from the order to end, or the end of the main process, on."""
        return bool(self._order) or self._gone

    def check(self) -> None:
        """Look who is left; TERM whoever is to be told, KILL when the grace is over."""
        if self.ended:
            return
        try:
            left = self._yard.members(self)
        except OSError:
            self._again(0.1)  # who is left cannot be known now
            return
        now = time.monotonic()
        if self._gone and left and now < self._natural:
            self._again(self._natural - now)
            return
        if self._gone:
            self._seen.update((p.pid, p.started) for p in left.values())
            if not left:
                self._finish(0)
                return
        elif not left:
            return  # a zombie main process: waiting for it ends this
        if now < self._deadline:
            fresh = self._untold(left)
            self._termed.update(fresh)
            send(fresh, signal.SIGTERM)
            send(fresh, signal.SIGCONT)
            self._again(min(self._deadline - now, 0.1))
        elif now < self._deadline + PATIENCE:
            # Stopped first, so that none forks away between the looking and the killing.
            if self._pause > 0.01:
                send(left, signal.SIGSTOP)
            send(left, signal.SIGKILL)
            self._again(self._pause)
            self._pause = min(0.1, self._pause * 1.5)
        else:
            self._finish(len(left))

    # -- inside -------------------------------------------------------------------------------

    def _untold(self, left: dict[int, Process]) -> list[int]:
        """Who has not been told to end, and is to be.

        Not what somebody runs who was told and lives: he may be cleaning up.
        """
        found = []
        for pid in left:
            at = pid
            for _ in left:
                if at not in left or at in self._termed:
                    break
                at = left[at].parent
            if at not in left:
                found.append(pid)
        return found

    def _source(self, fd: int, stream: int) -> None:
        def take(data: memoryview) -> None:
            room = int(self.limits["output"]) - self.output.total
            if len(data) > room:
                data = data[: max(0, room)]
                self.end("limit:output")
            if data:
                self.output.write(stream, data, self._yard.loop.now)
            for wake in self.on_output:
                wake()

        self._sources.append(Source(self._yard.loop, fd, take))

    def _again(self, seconds: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._yard.loop.after(max(0.001, seconds), self.check)

    def _look_at_lease(self, lease: float) -> None:
        if self.ended:
            return
        claimed = self.on_end or self.on_output
        if not claimed and time.monotonic() - self.unclaimed_since > lease:
            self.end("cancel", error="nobody claimed it for %g s" % lease)
            return
        pause = max(0.05, min(1.0, lease / 4))
        self._yard.loop.after(pause, lambda: self._look_at_lease(lease))

    def _tick(self) -> None:
        if self.ended:
            return
        try:
            over = self._over(self._yard.members(self))
        except OSError:
            over = ""
        if over:
            # Who eats memory or forks without end does more of it for as long as he is asked.
            self.end("limit:" + over, LEFTOVER_GRACE if over == "cpu_time" else 0.0)
        self._timers.append(self._yard.loop.after(TICK, self._tick))
        del self._timers[:-2]

    def _over(self, members: dict[int, Process]) -> str:
        limits = self.limits
        if self.cgroup is not None:
            over = self.cgroup.over()
            if over:
                return over
        memory = sum(p.rss for p in members.values())
        self._peak = max(self._peak, memory)
        if memory > limits.get("memory", memory):
            return "memory"
        if len(members) > limits.get("processes", len(members)):
            return "processes"
        cpu = self._cpu + sum(p.cpu for p in members.values())
        return "cpu_time" if cpu > limits.get("cpu_time", cpu) else ""

    def _finish(self, survivors: int) -> None:
        # Who died since the last look is a zombie still, and must be gone when the end is told.
        self._yard.collect()
        self.ended = True
        for timer in self._timers:
            timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self.sink is not None:
            self.sink.close()
        for source in self._sources:
            source.drain()
            source.close()
        if self.cgroup is not None:
            if not self._order:
                over = self.cgroup.over()
                self._order = "limit:" + over if over else ""
            self._peak = max(self._peak, self.cgroup.peak())
            self.cgroup.remove()
        self.output.finish(self._yard.loop.now)
        self._yard.finished(self, self._record(survivors))

    def _record(self, survivors: int) -> dict[str, Any]:
        how = "exit" if self._signal is None else "signal:%d" % self._signal
        record = {
            "attempt": self.name,
            "exit_code": self._code,
            "signal": self._signal,
            "ended_by": self._order or how,
            "swept": len(self._seen),
            "survivors": survivors,
            "cpu": round(self._cpu, 6),
            "peak_memory": self._peak,
            "started_at": self.started_at,
            "ended_at": time.time(),
            "error": self.output.masked(self._error),
        }
        record.update(self.output.report())
        return record
