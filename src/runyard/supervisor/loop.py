"""One event loop: descriptors, timers, and SIGCHLD through a wake-up descriptor."""

from __future__ import annotations

import heapq
import os
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Callback = Callable[[int], None]

READ = 1
WRITE = 4


class Timer:
    """A call due at a moment of the monotonic clock; `cancel` makes it never happen."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None] | None) -> None:
        self.due = due
        self.call = call

    def cancel(self) -> None:
        self.call = None


class Loop:
    """Calls back when descriptors are ready, timers are due or children have ended.

    `now` is the time of day, for records; whatever is due is due by the monotonic clock.
    An exception in a callback is reported and hurts nothing but what that callback served.
    """

    def __init__(self, report: Callable[[BaseException], None]) -> None:
        self._report = report
        self._epoll = hasattr(select, "epoll")
        self._poll: Any = select.epoll() if self._epoll else select.poll()
        self._calls: dict[int, Callback] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._serial = 0
        self.now = time.time()

    def watch(self, fd: int, events: int, call: Callback) -> None:
        """Call `call(events)` whenever `fd` is ready for READ or WRITE, or has hung up."""
        self._calls[fd] = call
        self._poll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        """Watch `fd` for other events; 0 leaves only errors and hang-ups."""
        self._poll.modify(fd, events)

    def unwatch(self, fd: int) -> None:
        """Forget `fd`; to be called before it is closed."""
        if self._calls.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call once, `seconds` from now."""
        timer = Timer(time.monotonic() + seconds, call)
        self._serial += 1
        heapq.heappush(self._timers, (timer.due, self._serial, timer))
        return timer

    def on_signals(self, handlers: dict[int, Callable[[], None]]) -> None:
        """Call the handlers from the loop, never in the middle of something else."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        for number in handlers:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

        def wake(_events: int) -> None:
            try:
                seen = set(os.read(reader, 4096))
            except BlockingIOError:
                return
            for number, handler in handlers.items():
                if number in seen:
                    try:
                        handler()
                    except Exception as error:
                        self._report(error)

        self.watch(reader, READ, wake)

    def run(self, finished: Callable[[], bool]) -> None:
        """Serve until `finished()` says so after some round."""
        while True:
            for fd, events in self._wait():
                call = self._calls.get(fd)
                if call is not None:
                    try:
                        call(events)
                    except Exception as error:
                        self._report(error)
                        self.unwatch(fd)  # it would come again at once, for ever
            self._ring()
            if finished():
                return

    def _wait(self) -> list[tuple[int, int]]:
        timers = self._timers
        while timers and timers[0][2].call is None:
            heapq.heappop(timers)
        pause = max(0.0, timers[0][0] - time.monotonic()) if timers else -1.0
        if self._epoll:
            ready = self._poll.poll(pause)
        else:
            ready = self._poll.poll(None if pause < 0 else int(pause * 1000) + 1)
        self.now = time.time()
        return ready  # type: ignore[no-any-return]

    def _ring(self) -> None:
        timers = self._timers
        if not timers:
            return
        now = time.monotonic()
        while timers and timers[0][0] <= now:
            call = heapq.heappop(timers)[2].call
            if call is not None:
                try:
                    call()
                except Exception as error:
                    self._report(error)
