"""One connection: frames in, replies out, and output read from the spool at the door's own pace."""

from __future__ import annotations

import os

from .frames import Decoder, FrameError, encode
from .loop import READ, WRITE, Loop
from .spool import read_records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .frames import Header

HIGH_WATER = 1 << 20
MAX_BACKLOG = 256 << 20
RECEIVE = 1 << 18


class Door:
    """A peer that has connected. Its slowness or death concerns nobody else."""

    def __init__(
        self,
        loop: Loop,
        sock: Any,
        serve: Callable[[Door, Header, bytes], None],
        left: Callable[[Door], None],
    ) -> None:
        self.epoch = -1
        self.serial = 0  # how many have introduced themselves, with this one
        self.open = True
        self.on_leave: dict[object, Callable[[], None]] = {}
        self._loop = loop
        self._sock = sock
        self._fd = sock.fileno()
        self._serve = serve
        self._left = left
        self._decoder = Decoder()
        self._backlog = bytearray()
        self._pumps: list[Callable[[], None]] = []
        sock.setblocking(False)
        loop.watch(self._fd, READ, self._ready)

    @property
    def busy(self) -> bool:
        """True while more output should rather stay on disk."""
        return len(self._backlog) >= HIGH_WATER

    def send(self, header: Header, payload: bytes = b"") -> None:
        """Queue a frame; what the peer does not take now waits in memory."""
        if not self.open:
            return
        frame = encode(header, payload)
        if not self._backlog:
            try:
                sent = self._sock.send(frame)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
            if sent == len(frame):
                return
            frame = frame[sent:]
            self._loop.change(self._fd, READ | WRITE)
        self._backlog += frame
        if len(self._backlog) > MAX_BACKLOG:
            self.close()  # it asks and asks, and never reads an answer

    def pump_with(self, pump: Callable[[], None]) -> None:
        """Call `pump` whenever the backlog has gone, until the door leaves."""
        self._pumps.append(pump)

    def unpump(self, pump: Callable[[], None]) -> None:
        if pump in self._pumps:
            self._pumps.remove(pump)

    def close(self) -> None:
        """Leave; attempts go on."""
        if not self.open:
            return
        self.open = False
        self._loop.unwatch(self._fd)
        self._sock.close()
        self._pumps.clear()
        for leave in list(self.on_leave.values()):
            leave()
        self.on_leave.clear()
        self._left(self)

    def _ready(self, events: int) -> None:
        try:
            if events & WRITE:
                self._flush()
            if self.open and events & ~WRITE:
                self._receive()
        except Exception:
            self.close()
            raise

    def _receive(self) -> None:
        try:
            data = self._sock.recv(RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            frames = self._decoder.feed(data)
        except FrameError as error:
            self.send({"error": {"code": "BAD_FRAME", "message": str(error)}})
            self.close()
            return
        for header, payload in frames:
            if self.open:
                self._serve(self, header, payload)

    def _flush(self) -> None:
        try:
            sent = self._sock.send(self._backlog)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        del self._backlog[:sent]
        if not self._backlog:
            self._loop.change(self._fd, READ)
            for pump in list(self._pumps):
                pump()


class Subscription:
    """Sends the records of a spool to a door, from given offsets of the streams on."""

    def __init__(
        self,
        door: Door,
        attempt: str,
        path: str,
        offsets: dict[str, int],
        ended: Callable[[], bool],
    ) -> None:
        self._door = door
        self._attempt = attempt
        self._path = path
        self._from = {1: int(offsets.get("stdout", 0)), 2: int(offsets.get("stderr", 0))}
        self._ended = ended
        self._fd = -1
        self._position = 0
        self._over = False
        self.on_end: Callable[[], None] | None = None
        door.pump_with(self.pump)
        door.on_leave[self] = self.close

    def pump(self) -> None:
        """Send what is there, as far as the door keeps up."""
        while self._door.open and not self._door.busy and not self._over:
            done = self._ended()  # asked first: nothing is appended after the end
            records = self._next()
            for stream, when, offset, payload in records:
                skip = max(0, self._from[stream] - offset)
                if skip < len(payload):
                    header = {
                        "output": self._attempt,
                        "stream": stream,
                        "offset": offset + skip,
                        "at": when,
                    }
                    self._door.send(header, payload[skip:] if skip else payload)
            if not records:
                if done:
                    self.close()
                    if self.on_end is not None:
                        self.on_end()
                return

    def close(self) -> None:
        self._over = True  # somebody may have been about to wake it
        self._door.unpump(self.pump)
        self._door.on_leave.pop(self, None)
        self._door.on_leave.pop(self.pump, None)  # its claim, see `Verbs`
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _next(self) -> Any:
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY)
            except OSError:
                return []
        records, self._position = read_records(self._fd, self._position, HIGH_WATER // 4)
        return records
