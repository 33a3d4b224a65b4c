"""Events and chunks for tests of the views."""

from __future__ import annotations

from typing import Any

from runyard.model.event import Event
from runyard.store.tail import OutputChunk

RUN = "run-12345678"


def event(type: str, step: str = "", host: str = "", **data: Any) -> Event:
    return Event(RUN, 1, 1_800_000_000.0, type, step, host, data)


def started(step: str, *hosts: str, index: int = 1, total: int = 1) -> Event:
    return event("step.started", step, hosts=list(hosts), index=index, total=total)


def result(step: str, host: str, status: str = "success", attempt: int = 1, **more: Any) -> Event:
    data = {"status": status, "attempt": attempt, "started_at": 10.0, "ended_at": 10.5, **more}
    return event("result.reached", step, host, result=data)


def chunk(
    data: bytes,
    step: str = "build",
    host: str = "web1",
    n: int = 1,
    stream: str = "stdout",
    offset: int = 0,
    at: float = 1_800_000_000.0,
) -> OutputChunk:
    return OutputChunk(RUN, step, host, n, stream, offset, at, data, 0)
