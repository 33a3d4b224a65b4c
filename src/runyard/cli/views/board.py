"""What the live view knows about now: a fold of events and output, bounded in size."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import field

from runyard.cli.views.hostmap import HostMap
from runyard.model.event import Event
from runyard.model.light import dataclass
from runyard.model.status import Status
from runyard.store.tail import OutputChunk

_TAIL = 400


@dataclass(slots=True)
class StepNow:
    """A step that runs. `hosts` maps a host that is at work to the start of its attempt; `map`
    has all of them."""

    name: str
    index: int
    total: int
    hosts_in_all: int
    started: float
    map: HostMap
    hosts: dict[str, float] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    last: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    @property
    def finished_hosts(self) -> int:
        """Hosts that have a result."""
        return self.done.total()

    @property
    def is_done(self) -> bool:
        """True when every host has a result; its task may still have other steps to do."""
        return self.finished_hosts >= self.hosts_in_all

    def begin(self, host: str, at: float) -> None:
        """A host is at work; with the first one the time of the step begins."""
        if not self.hosts and not self.done:
            self.started = at
        if host not in self.hosts:
            self.hosts[host] = at
            self.map.begin(host)

    def end(self, host: str, status: str) -> None:
        """A host has its result."""
        self.done[status] += 1
        self.ended.add(host)
        self.hosts.pop(host, None)
        self.last.pop(host, None)
        self.map.end(host, status)


class Board:
    """The run, its steps that run now, and what came of the others."""

    def __init__(self, run_id: str, title: str) -> None:
        self.run_id = run_id
        self.title = title
        self.began = time.time()
        self.steps: dict[str, StepNow] = {}
        self.waiting: dict[str, float] = {}
        self.total = 0
        self._over = 0
        self.done: Counter[str] = Counter()

    def see(self, event: Event) -> None:
        """Fold an event in."""
        data = event.data
        if event.type == "step.started":
            self.total = int(data.get("total") or self.total)
            hosts = list(data.get("hosts") or ())
            index = int(data.get("index") or 0)
            if event.step not in self.steps:
                self.steps[event.step] = StepNow(
                    event.step, index, self.total, len(hosts), event.at, HostMap(hosts)
                )
        elif event.type == "step.finished":
            if self.steps.pop(event.step, None) is not None:
                self._over += 1
        elif event.type == "result.reached":
            status = str((data.get("result") or {}).get("status", ""))
            self.done[status] += 1
            if (step := self.steps.get(event.step)) is not None:
                step.end(event.host, status)
        elif event.type == "attempt.started":
            if (step := self.steps.get(event.step)) is not None:
                step.begin(event.host, event.at)
        elif event.type == "approval.requested":
            self.waiting[event.step] = event.at
        elif event.type == "approval.decided":
            self.waiting.pop(event.step, None)

    def hear(self, chunk: OutputChunk) -> None:
        """Remember the last line of a host. Who prints is at work: no start tells of an attempt
        that was attached again."""
        step = self.steps.get(chunk.step)
        if step is not None and chunk.host not in step.ended:
            step.begin(chunk.host, chunk.at)
            lines = chunk.data[-_TAIL:].decode("utf-8", "replace").rstrip("\n").rsplit("\n", 1)
            if lines[-1].strip():
                step.last[chunk.host] = lines[-1]

    @property
    def now(self) -> list[StepNow]:
        """Steps with a host at work; when there are none, those that are about to begin."""
        open_ = [step for step in self.steps.values() if not step.is_done]
        return [step for step in open_ if step.hosts] or open_

    @property
    def finished(self) -> int:
        """Steps that are done."""
        return self._over + sum(step.is_done for step in self.steps.values())

    @property
    def failed(self) -> int:
        """Results that are failures."""
        return sum(self.done[s] for s in (Status.FAILED, Status.ERROR, Status.TIMEOUT))
