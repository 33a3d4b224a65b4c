"""Work that may take long, such as reading a gigabyte: done in threads, told of in the loop."""

from __future__ import annotations

import _thread
import os
from collections import deque

from .loop import READ, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Act = Callable[[], Any]
    Then = Callable[[Any, BaseException | None], None]
    Job = tuple[str, Act, Then]

THREADS = 8


class Aside:
    """Does things in threads of their own, at most THREADS at once.

    Those of one lane are done in order, one at a time.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._ready: deque[Job] = deque()
        self._lanes: dict[str, deque[Job]] = {}
        self._done: deque[tuple[Job, Any, BaseException | None]] = deque()
        self._running = 0
        self._bell = -1

    @property
    def busy(self) -> bool:
        return self._running > 0

    def do(self, lane: str, act: Act, then: Then) -> None:
        """Call `act` in a thread, then `then(result, error)` in the loop."""
        if self._bell < 0:
            reader, self._bell = os.pipe()
            os.set_blocking(reader, False)
            self._loop.watch(reader, READ, lambda _events: self._tell(reader))
        job = (lane, act, then)
        if lane in self._lanes:
            self._lanes[lane].append(job)
            return
        self._lanes[lane] = deque()
        self._ready.append(job)
        self._start()

    def _start(self) -> None:
        while self._ready and self._running < THREADS:
            job = self._ready.popleft()
            self._running += 1
            try:
                _thread.start_new_thread(self._run, (job,))
            except RuntimeError:  # as many threads as the user may have: then it holds the loop
                self._run(job)

    def _run(self, job: Job) -> None:
        result, failure = None, None
        try:
            result = job[1]()
        except BaseException as error:
            failure = error
        self._done.append((job, result, failure))
        os.write(self._bell, b"\0")

    def _tell(self, reader: int) -> None:
        try:
            os.read(reader, 4096)
        except BlockingIOError:
            return
        while self._done:
            (lane, _, then), result, failure = self._done.popleft()
            self._running -= 1
            if self._lanes[lane]:
                self._ready.append(self._lanes[lane].popleft())
            else:
                del self._lanes[lane]
            self._start()
            then(result, failure)
