"""One door: the frames of a run between a dispatcher's WebSocket and a supervisor."""

from __future__ import annotations

import asyncio
import logging

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from runyard.agent.cutter import Cutter, Head
from runyard.agent.metrics import Metrics
from runyard.agent.rules import Rules
from runyard.agent.wire import Wire
from runyard.model.errors import RunyardError
from runyard.supervisor.frames import FrameError, encode
from runyard.supervisor.refusal import Refusal

LEFT, LEAVING, BAD_FRAME, FENCED = 1011, 1012, 4400, 4409
_MOST_REFUSALS = 10_000
_FLUSH = 2.0
_LOG = logging.getLogger("runyard.agent")


class Door:
    """Carries bytes both ways until either side leaves. Neither is read faster than the other."""

    def __init__(self, epoch: int, rules: Rules, wire: Wire, metrics: Metrics) -> None:
        self.epoch = epoch
        self._rules = rules
        self._wire = wire
        self._metrics = metrics
        self._own: list[bytes] = []  # frames of ours, for the next border between frames
        self._code = 0

    def fence(self, epoch: int) -> None:
        """A newer owner has come: say so, and close."""
        self._refuse(None, "FENCED", f"epoch {epoch} has come since", FENCED)

    async def carry(self, websocket: WebSocket) -> None:
        """Until it is over. `websocket` has been accepted."""
        inward = asyncio.ensure_future(self._inward(websocket))
        outward = asyncio.ensure_future(self._outward(websocket))
        both = {inward, outward}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self._code and not outward.done():
                await asyncio.wait({outward}, timeout=_FLUSH)
        finally:
            for task in both:
                task.cancel()
            told = await asyncio.gather(*both, return_exceptions=True)
            self._rules.leave()
        for error in told:
            if isinstance(error, Exception) and not isinstance(error, _EXPECTED):
                _LOG.error("a door failed", exc_info=error)
        if websocket.application_state is WebSocketState.CONNECTED:
            try:
                await asyncio.wait_for(websocket.close(self._code or LEFT), _FLUSH)
            except (TimeoutError, RuntimeError, WebSocketDisconnect):
                return

    async def _inward(self, websocket: WebSocket) -> None:
        cutter, passes = Cutter(), False
        while True:
            message = await websocket.receive()
            data = message.get("bytes")
            if message["type"] != "websocket.receive":
                return
            parts: list[bytes | memoryview] = []
            try:
                if data is None:
                    raise FrameError("a message of text")
                self._metrics.bytes_in += len(data)
                for piece in cutter.feed(data):
                    if isinstance(piece, Head):
                        passes = await self._judge(piece, parts)
                        if self._code:
                            return
                    elif passes:
                        parts.append(piece)
            except FrameError as error:
                self._refuse(None, "BAD_FRAME", str(error), BAD_FRAME)
                return
            if parts:
                await self._wire.write(parts)

    async def _judge(self, head: Head, parts: list[bytes | memoryview]) -> bool:
        """Add to `parts` what goes on; False when it does not."""
        try:
            parts.append(await self._rules.judge(head))
        except Refusal as refusal:
            number = head.read().get("id")
            code = LEFT if refusal.fatal else 0
            self._refuse(number, refusal.code, refusal.message, code)
            return False
        except RunyardError as error:
            self._refuse(head.read().get("id"), error.code, error.message, 0, error.hint)
            return False
        return True

    def _refuse(self, number: object, code: str, message: str, close: int, hint: str = "") -> None:
        told = {"code": code, "message": message, **({"hint": hint} if hint else {})}
        header = {"id": number, "error": told}
        if number is None:
            del header["id"]
        self._own.append(encode(header))
        if len(self._own) > _MOST_REFUSALS:  # it asks and asks, and never reads an answer
            close = close or LEFT
        self._code = self._code or close
        self._wire.wake()

    async def _outward(self, websocket: WebSocket) -> None:
        cutter = Cutter()
        parts: list[bytes | memoryview] = []
        while True:
            over, data = self._wire.over, await self._wire.read()
            for piece in cutter.feed(data):
                if isinstance(piece, Head):
                    self._insert(parts)
                    parts.append(self._rules.answer(piece))
                else:
                    self._rules.peek(piece, last=cutter.at_border)
                    parts.append(piece)
            if cutter.at_border:
                self._insert(parts)
            if parts:
                message = b"".join(parts)
                parts.clear()
                self._metrics.bytes_out += len(message)
                await websocket.send_bytes(message)
            if (over and not data) or (self._code and not self._own):
                return

    def _insert(self, parts: list[bytes | memoryview]) -> None:
        parts += self._own
        self._own.clear()


_EXPECTED = (RunyardError, WebSocketDisconnect, RuntimeError, OSError)
