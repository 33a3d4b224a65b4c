"""A door to a supervisor: frames over one connection, many requests at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from runyard.hosts.no_python import NoPython
from runyard.model.errors import (
    ArgumentError,
    ConflictError,
    FencedError,
    InternalError,
    NetworkError,
    NotFoundError,
    RunyardError,
    SystemFault,
)
from runyard.supervisor.frames import Decoder, FrameError, encode

VERSION = 1
CLOSE = 2.0  # seconds for what was sent to be taken
CLOCKS = 1.0
"""Seconds by which clocks may differ before times of output are told by ours."""
_FARTHEST = 1 << 53
"""Of offsets and times: what JSON can carry everywhere."""

_ERRORS: Mapping[str, type[RunyardError]] = {
    "FENCED": FencedError,
    "NOT_FOUND": NotFoundError,
    "SECRET_SHORT": ArgumentError,
    "BAD_REQUEST": ArgumentError,
    "SIGNAL": ArgumentError,
    "STALE": NetworkError,
    "NO_PYTHON": NoPython,
    "OWNER": ConflictError,
    "STDIN": ConflictError,
    "STDIN_FULL": ConflictError,
    "PTY": ConflictError,
    "LIVE": ConflictError,
    "DENIED": ConflictError,
    "BUSY": SystemFault,
    "SPOOL_FULL": SystemFault,
    "SYSTEM": SystemFault,
    "PERMISSION": SystemFault,
    "DISK_FULL": SystemFault,
    "CHANGED": SystemFault,
    "PART": SystemFault,
}

_SAID = 1000  # characters of a hint

Reply = tuple[dict[str, Any], bytes]


class Client(asyncio.Protocol):
    """Speaks frames over any asyncio transport: a unix socket here, a channel of SSH elsewhere.

    `heard` is the loop's time at which something came last. `call` may be used concurrently. When
    the connection breaks every waiting call raises NetworkError, and so does every later one;
    attempts go on at the host. Output is dated by our clock, whatever the one over there says.
    """

    def __init__(self, on_output: Callable[[dict[str, Any], bytes], None] | None = None) -> None:
        self.pid = 0
        self.started = 0
        self.incarnation = ""
        self._ahead = 0  # milliseconds of our clock before the one over there
        self.heard = 0.0
        self._transport: asyncio.WriteTransport | None = None
        self._decoder = Decoder()
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._serial = 0
        self._answered = 0
        self._written = 0
        self._lost: RunyardError | None = None
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()

    @property
    def connected(self) -> bool:
        return self._transport is not None and self._lost is None

    async def hello(self, owner: str, epoch: int, *, connector: str = "", number: int = 0) -> None:
        """Introduce us, as connection `number` (1, 2, …) of `connector` if we are one of several.

        It takes the place of the earlier ones. Raises FencedError when a newer epoch has been here
        before, NetworkError also when a later connection has.
        """
        header = {"verb": "hello", "version": VERSION, "owner": owner, "epoch": epoch}
        if connector:
            header |= {"connector": connector, "number": number}
        reply, _ = await self.call(header)
        try:
            self.pid, self.started = int(reply["pid"]), int(reply["started"])
            self.incarnation = str(reply["incarnation"])
            ahead = round((time.time() - float(reply.get("now", time.time()))) * 1000)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise NetworkError(f"the supervisor introduces itself oddly: {error}") from None
        self._ahead = ahead if abs(ahead) > CLOCKS * 1000 else 0

    def send(self, header: dict[str, Any], payload: bytes = b"") -> asyncio.Future[Reply]:
        """Send a request; the future holds the reply, or the error as raised by `call`."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        if self._transport is None or self._lost is not None:
            future.set_exception(self._lost or NetworkError("not connected to the supervisor"))
            return future
        self._serial += 1
        header["id"] = self._serial
        try:
            frame = encode(header, payload)
        except FrameError as error:
            future.set_exception(ArgumentError(f"too large for the supervisor: {error}"))
            return future
        self._waiting[self._serial] = future
        self._written += len(frame)
        self._transport.write(frame)
        return future

    @property
    def asked(self) -> int:
        """How many requests there were: the number of the last one."""
        return self._serial

    @property
    def answered(self) -> int:
        """The highest number that was answered; requests before it have been carried out."""
        return self._answered

    @property
    def waiting(self) -> int:
        """Bytes that the connection has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    @property
    def taken(self) -> int:
        """Bytes that it has taken since its beginning."""
        return self._written - self.waiting

    async def call(self, header: dict[str, Any], payload: bytes = b"") -> Reply:
        """Send a request and wait for its reply: the fields of `ok`, and the payload."""
        return await self.send(header, payload)

    async def close(self) -> None:
        """Leave; idempotent."""
        if self._transport is not None:
            self._transport.close()
            await asyncio.wait([self._gone], timeout=CLOSE)
            self._transport.abort()  # what it has not taken by now it will never take

    def abandon(self, error: RunyardError) -> None:
        """Leave at once; whoever waits for a reply gets `error`."""
        self._fail(error)
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self.heard = self._loop.time()
        try:
            frames = self._decoder.feed(data)
        except FrameError as error:
            self._fail(NetworkError(f"the supervisor sent nonsense: {error}"))
            return
        for header, payload in frames:
            if self._lost is None:
                self._take(header, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        reason = f": {exc}" if exc else ""
        if not self._gone.done():
            self._gone.set_result(None)
        self._fail(NetworkError(f"the connection to the supervisor was lost{reason}"))

    def _take(self, header: dict[str, Any], payload: bytes) -> None:
        if "output" in header:
            if not _is_output(header, len(payload)):
                self._fail(NetworkError("the supervisor sent output that is none"))
            elif self._on_output is not None:
                header["at"] = max(0, header["at"] + self._ahead)
                self._on_output(header, payload)
            return
        error, number = header.get("error"), header.get("id") or 0
        self._answered = max(self._answered, number)
        future = self._waiting.pop(number, None)
        if future is None:
            if error is not None:
                self._fail(_ended(error["code"], error["message"]))
            return
        if future.done():
            return
        if error is not None:
            future.set_exception(_error(error["code"], error["message"], error.get("hint")))
        elif "exit" in header:
            future.set_result((json.loads(payload), b""))
        else:
            future.set_result((header["ok"], payload))

    def _fail(self, error: RunyardError) -> None:
        if self._lost is None:
            self._lost = error
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(error)
        if self._transport is not None:
            self._transport.close()


def _is_output(header: dict[str, Any], size: int) -> bool:
    """Whether its fields are what they must be: a host may say anything."""
    numbers = [header.get(name) for name in ("stream", "offset", "at")]
    if not all(type(number) is int and 0 <= number <= _FARTHEST for number in numbers):
        return False
    within = header["offset"] + size <= _FARTHEST
    return within and header["stream"] in (1, 2) and isinstance(header["output"], str)


def _ended(code: str, message: str) -> RunyardError:
    """What the supervisor says when it speaks to us no more."""
    if code == "NO_PYTHON":
        return NoPython(message)
    if code == "NO_SUPERVISOR":
        return SystemFault(message, code=code)
    return NetworkError(f"the supervisor closed the door: {message}")


def _error(code: str, message: str, hint: object = None) -> RunyardError:
    said = hint[:_SAID] if isinstance(hint, str) and hint else None
    kind = _ERRORS.get(code, InternalError)
    if code in ("PERMISSION", "DISK_FULL"):
        from runyard.hosts.file_fault import file_fault

        return file_fault(code, message)
    if code in ("FENCED", "NOT_FOUND", "STALE"):
        return kind(message, hint=said)
    return kind(message, code=code, hint=said)
